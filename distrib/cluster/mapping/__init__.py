"""A pure function over many files: each becomes a part of a Parquet set, on any node."""

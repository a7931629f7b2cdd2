"""Rows larger than memory: sets of Parquet files, read epoch after epoch."""

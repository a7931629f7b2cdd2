"""The torch training kit: one loop for arrays and streams, data-parallel workers, folds."""

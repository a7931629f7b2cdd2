"""What a study keeps on disk: run folder, ledger, checkpoints, metrics, a remote store."""

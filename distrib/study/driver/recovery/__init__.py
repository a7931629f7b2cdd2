"""What is looked at before a study goes on, and how its ledger is made again."""

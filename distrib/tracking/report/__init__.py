"""`report.html`: one file that shows a whole study, without the network."""

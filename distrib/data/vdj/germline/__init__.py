"""Germline genes: their names, sequences, anchors and loci."""

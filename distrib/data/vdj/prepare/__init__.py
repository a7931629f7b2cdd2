"""From tables of rearrangements to prepared counts."""

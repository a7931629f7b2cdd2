"""Other roads to a study than a space: what commands of the field's older tools took, unchanged."""

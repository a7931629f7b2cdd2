"""The road for users of daart: their three YAML files in, their folders out."""

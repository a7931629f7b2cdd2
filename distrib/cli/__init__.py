"""What the commands share: options, the parser, the progress line, the parts of `prepare`."""

"""Light chains for heavy ones."""

"""distrib from Python, in a script or a notebook: `import distrib` offers it (docs/python.md)."""

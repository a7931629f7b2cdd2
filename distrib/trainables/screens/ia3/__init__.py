"""A frozen sequence encoder adapted by IA3."""

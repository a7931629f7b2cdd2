"""How well predictions of a screen do: every figure, its interval, and what no model can beat."""

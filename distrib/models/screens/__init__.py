"""Networks and closed forms of the expression screens."""

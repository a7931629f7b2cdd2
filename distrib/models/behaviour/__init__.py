"""Networks that give every frame of a recording a class, and what they are trained on."""

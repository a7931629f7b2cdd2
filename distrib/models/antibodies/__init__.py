"""Networks of antibody chains."""

"""An antibody generator: sequence to sequence, conditioned on antigen and affinity."""

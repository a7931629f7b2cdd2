"""A perceptron on every pair of a perturbation and a gene."""

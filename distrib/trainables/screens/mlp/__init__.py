"""A perceptron on fixed representations."""

"""Where a gene end is cut: a conditional logit model."""

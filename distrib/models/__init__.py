"""Networks and likelihoods: tensors in, tensors out; no files, no Ray."""

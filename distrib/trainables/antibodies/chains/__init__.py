"""What the language models of one antibody chain share: data, batches, figures."""

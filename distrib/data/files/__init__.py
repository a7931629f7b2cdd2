"""Files as people bring them: text, tables, matrices, FASTA, pickles of arrays; ids and names."""

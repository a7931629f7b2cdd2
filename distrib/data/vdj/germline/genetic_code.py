"""The standard genetic code."""

from __future__ import annotations

CODON_LETTERS = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"
"""The amino acid of each codon; bases in the order ACGT, the first changing slowest; * stops."""

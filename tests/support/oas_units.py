"""Data units of OAS with a row of every kind."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

METADATA = {"Run": "R1", "Species": "human", "Chain": "Heavy", "Disease": "None",
            "Vaccine": "None", "BType": "Plasmablasts\\, activated",
            "Unique sequences": 6}  # fmt: skip
HEADER = ["sequence", "stop_codon", "productive", "complete_vdj", "sequence_alignment_aa",
          "germline_alignment_aa", "cdr3_aa", "ANARCI_status"]  # fmt: skip
ROWS = [
    ["ACGT", "F", "T", "T", "EVQL", "EVQV", "VQ", 'a "b", c|'],
    ["ACGT", "F", "F", "T", "EVQA", "EVQV", "VQ", "|"],
    ["ACGT", "T", "T", "T", "EV*A", "EVQV", "VQ", "|"],
    ["ACGT", "F", "T", "F", "EVQC", "EVQV", "VQ", "|"],
    ["ACGT", "F", "T", "T", "EVBC", "EVQV", "VQ", "|"],
    ["ACGT", "F", "T", "T", "", "", "", "|"],
]


def lines(rows: list[list[str]], header: list[str] = HEADER) -> tuple[bytes, bytes]:
    """The line of metadata, and the rest."""
    head, rest = io.StringIO(), io.StringIO()
    csv.writer(head).writerow([json.dumps(METADATA)])
    csv.writer(rest).writerows([header, *rows])
    return head.getvalue().encode(), rest.getvalue().encode()


def unit(path: Path, members: int = 1, **changes: list) -> Path:
    head, rest = lines(changes.get("rows", ROWS), changes.get("header", HEADER))
    path.write_bytes(
        gzip.compress(head + rest) if members == 1 else gzip.compress(head) + gzip.compress(rest)
    )
    return path

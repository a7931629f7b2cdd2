"""A small set of trimming data in the files that `read_trimming` takes, for a user to replace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.vdj.germline.olga import read_model

OBSERVATIONS = 25_000  # of each subject
SUBJECTS = ("donor_1", "donor_2")
SEED = 2023

_README = """\
# Data for the space `trimming`

Simulated: 25,000 rearrangements for each of two donors, drawn from OLGA's model of human TRB.

`counts.tsv`: how many sequences of a V gene had how many nucleotides trimmed off its 3' end.
Columns `gene`, `trim` and `count`; `subject` is optional (counts are summed over subjects).
Negative trims are P-nucleotides. A trim that was never seen needs no row.

`germline.fasta`: the whole germline V genes, named as in `counts.tsv` (or IMGT's own headers). A
table `germline.tsv` with columns `gene` and `sequence` does as well. For J genes give their coding
strand and set the option `gene_end: j`.
"""


def write_example(folder: Path) -> None:
    """Write simulated counts and the germline genes they name into `folder` (it exists).

    Always the same files: 25,000 draws for each of two donors from OLGA's P(V) P(trim | V).

    Raises:
        InputError: where the `olga` package is not installed.
    """
    end = read_model("human_T_beta").v
    joint = end.usage[:, None] * end.probabilities
    shares = (joint / joint.sum()).ravel()
    rng = np.random.default_rng(SEED)
    rows = []
    for subject in SUBJECTS:
        drawn = rng.multinomial(OBSERVATIONS, shares).reshape(joint.shape)
        for gene, trim in np.argwhere(drawn > 0):
            rows.append((subject, end.genes[gene], end.trims[trim], drawn[gene, trim]))
    counts = pd.DataFrame(rows, columns=["subject", "gene", "trim", "count"])
    counts.to_csv(folder / "counts.tsv", sep="\t", index=False, lineterminator="\n")
    drawn_genes = set(counts["gene"])
    records = [f">{g}\n{s}\n" for g, s in zip(end.genes, end.sequences) if g in drawn_genes]
    (folder / "germline.fasta").write_bytes("".join(records).encode())
    (folder / "README.md").write_text(_README, encoding="utf-8")

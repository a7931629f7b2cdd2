"""A small screen in the files that `load_screen` takes, for a user to look at and replace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.screens.profiles import gene_end_profiles
from distrib.data.screens.screen_files import YAML_NAME

ROWS = 120

_YAML = """\
# Data for the spaces mlp, mlp_pairs, lel, xgboost and ia3: what is known of each row, and what was
# measured there.
# Files lie beside this one. Rows are joined by id, so that their order does not matter.

# Inputs: .npz (arrays `ids` and `embeddings`, or one vector for each id), .parquet (a column `id`
# and numbers, or one column of lists), or .npy with a file of ids, one a line, named by `ids:`.
embeddings: embeddings.npz

# Targets: .csv, .tsv or .parquet, a row for each id and a column for each target.
# Leave a cell empty, or write NA, where nothing was measured.
targets: targets.csv

# Optional. Nucleotides, for `ia3`: .fasta, or .csv, .tsv or .parquet with a column `sequence`.
sequences: sequences.csv

# Optional. Embeddings of the targets' columns, for `mlp_pairs` and `lel`.
# gene_embeddings: gene_embeddings.npz

# Optional. Which targets respond, 1 or 0, in the form of the targets: for auroc and auprc.
# responding: responding.csv

# Optional. Rows of one group (a gene, a donor, a family) are never parted between training and
# test. Without it, every row is a group of its own. Columns: id, group; or a column of the targets.
groups: groups.csv

# Optional. Folds of your own, columns: id, fold. Without it, groups are dealt at random.
# folds: folds.csv
"""


def write_example(folder: Path) -> None:
    """Write 120 of the default gene ends into `folder` (it exists): always the same ones.

    Raises:
        InputError: where the `olga` package is not installed.
    """
    screen = gene_end_profiles()
    chosen = np.linspace(0, len(screen) - 1, ROWS).round().astype(np.int64)
    part = screen.take(chosen)
    assert part.targets is not None
    np.savez(folder / "embeddings.npz", ids=part.ids, embeddings=part.inputs)
    ids = pd.Index(part.ids, name="id")
    targets = pd.DataFrame(part.targets, index=ids, columns=part.columns)
    targets.to_csv(folder / "targets.csv", float_format="%.6g", lineterminator="\n")
    assert part.sequences is not None
    sequences = pd.DataFrame({"sequence": part.sequences.astype(str)}, index=ids)
    sequences.to_csv(folder / "sequences.csv", lineterminator="\n")
    groups = pd.DataFrame({"group": [f"end_{g:03d}" for g in part.groups]}, index=ids)
    groups.to_csv(folder / "groups.csv", lineterminator="\n")
    (folder / YAML_NAME).write_text(_YAML, encoding="utf-8")

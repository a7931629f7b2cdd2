"""Two real screens: embeddings of human factors against responses, and a negative control in yeast.

    python experiments/real_screens/run.py DATA [--trials 40]

DATA holds `hs27_embeddings/` (Nucleotide Transformer embeddings of 1,833 transcription factors
with their ids), `human_crispra/` (differentially expressed genes of 291 activated factors) and
`yeast_zev/` (log ratios of 550 genes in 100 inductions of 87 factors, and protein sequences). What
is known of a yeast factor is how often each amino acid is in it, which says nothing of its targets.

Prepares both, searches `mlp`, `lel` and `xgboost` on each, and ranks the winners.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
LETTERS = "ACDEFGHIKLMNPQRSTVWY"
SPACES = ("mlp", "lel", "xgboost")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=40)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for name, make in (("hs27", human), ("yeast", yeast)):
            folder = Path(place) / name
            folder.mkdir()
            distrib("prepare", "expression", *make(args.data, folder), "--out", folder / "screen")
            for space in SPACES:
                words = ("--space", space, "--data", folder / "screen", "--out", folder / "runs")
                distrib("tune", *words, "--trials", args.trials, quiet=True)
            metric = "pearson_column" if name == "hs27" else "pearson"
            studies = sorted((folder / "runs").iterdir())
            distrib("compare", *studies, "--against", "baselines", "--metric", metric)
            distrib("compare", *studies, "--against", "baselines", "--metric", "mse")


def human(data: Path, folder: Path) -> list[object]:
    """One target: log10 of 1 + differentially expressed genes, mean over a factor's promoters."""
    counts = pd.read_csv(
        data / "human_crispra" / "hs27_element_level_results_guide_summary.tsv", sep="\t"
    )
    size = np.log10(1 + counts["n_de_genes"]).groupby(counts["intended_target_name"]).mean()
    size.rename("log10_n_de_genes").rename_axis("gene_id").to_csv(folder / "targets.csv")
    embeddings = data / "hs27_embeddings"
    return [
        *("--targets", folder / "targets.csv"),
        *("--embeddings", embeddings / "NTv2_50m_tf_embeddings.npy"),
        *("--embedding-ids", embeddings / "NTv2_50m_tf_ids.npy"),
    ]


def yeast(data: Path, folder: Path) -> list[object]:
    """Inductions of one factor are never parted."""
    parts = ("zev_expr_reg_50_100_indexed.tsv", "zev_expr_500_100_indexed.tsv")
    tables = [pd.read_csv(data / "yeast_zev" / part, sep="\t", index_col=0) for part in parts]
    responses = pd.concat(tables).T
    responses = responses.loc[:, ~responses.columns.duplicated()].rename_axis("id")
    factors = responses.index.str.split("_").str[0]
    proteins = dict(fasta(data / "yeast_zev" / "yeast_proteins_subset.fasta"))
    shares = [[proteins[f].count(a) / len(proteins[f]) for a in LETTERS] for f in factors]
    responses.to_csv(folder / "targets.csv")
    pd.DataFrame(shares, responses.index, list(LETTERS)).to_csv(folder / "composition.csv")
    pd.DataFrame({"id": responses.index, "group": factors}).to_csv(
        folder / "groups.csv", index=False
    )
    return [
        *("--targets", folder / "targets.csv"),
        *("--embeddings", folder / "composition.csv"),
        *("--groups", folder / "groups.csv"),
    ]


def fasta(path: Path) -> list[tuple[str, str]]:
    """Name and sequence of each record."""
    records = path.read_text().split(">")[1:]
    return [(r.split()[0], "".join(r.splitlines()[1:])) for r in records]


def distrib(command: str, *words: object, quiet: bool = False) -> None:
    """Run a command of the project."""
    subprocess.run(
        [sys.executable, "-m", f"distrib.{command}", *map(str, words)],
        check=True,
        timeout=1800,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.DEVNULL if quiet else None,
    )


if __name__ == "__main__":
    main()

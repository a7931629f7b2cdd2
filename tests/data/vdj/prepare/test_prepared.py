"""Prepared folders: written and read back, and every mistake in one named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.vdj.germline.parameter_groups import find_group, parameter_groups
from distrib.data.vdj.prepare.prepared import Prepared, read_prepared, write_prepared
from distrib.errors import InputError
from tests.support.repertoire_files import tiny_germline


def example(group: str = "nonproductive_v-j_trim", chain: str = "TRA", seed: int = 0) -> Prepared:
    rng = np.random.default_rng(seed)
    its, genes = find_group(group), tiny_germline(chain)
    rows = 30
    columns: dict[str, object] = {"subject": rng.choice(["a", "b", "007"], rows)}
    for column, segment in zip(its.genes, its.segments):
        names = [name for name, gene in genes.items() if gene.segment == segment]
        columns[column] = rng.choice(names, rows)
    for column in its.trims:
        columns[column] = rng.integers(-2, 8, rows)
    frame = pd.DataFrame(columns)
    frame = frame.astype(dict.fromkeys(("subject", *its.genes), "str")).drop_duplicates()
    frame["count"] = rng.integers(1, 99, len(frame))
    return Prepared(chain, its, (-2, 14), genes, frame.reset_index(drop=True),
                    {"format": "igor"}, ("a note",))  # fmt: skip


def check_same(one: Prepared, other: Prepared) -> None:
    pd.testing.assert_frame_equal(one.counts, other.counts)
    assert dict(one.genes) == dict(other.genes)
    assert (one.chain, one.group, one.trims) == (other.chain, other.group, other.trims)
    assert (one.origin, one.notes) == (other.origin, other.notes)


@settings(max_examples=22)
@given(group=st.sampled_from(sorted(parameter_groups())), seed=st.integers(0, 9))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, group: str, seed: int
) -> None:
    chain = "TRB" if parameter_groups()[group].has_d else "TRA"
    folder = tmp_path_factory.mktemp("prepared")
    prepared = example(group, chain, seed)
    write_prepared(folder, prepared)
    check_same(read_prepared(folder), prepared)
    assert {path.name for path in folder.iterdir()} == {"vdj.yaml", "counts.parquet", "genes.tsv"}


def test_weights_and_known_microhomology_are_kept(tmp_path: Path) -> None:
    prepared = example("both_v-j_trim_ligation-mh")
    prepared.counts["ligation_mh"] = np.arange(len(prepared.counts)) % 3
    prepared.counts["count"] = prepared.counts.pop("count") / 3
    prepared.counts.loc[0, "v_trim"] = 20  # outside the window: another annotation may lie inside
    write_prepared(tmp_path, prepared)
    check_same(read_prepared(tmp_path), prepared)


def counts(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        frame = pd.read_parquet(folder / "counts.parquet")
        change(frame).to_parquet(folder / "counts.parquet", index=False)

    return spoil


def cell(column: str, value: object) -> Callable[[Path], None]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object)
        values.iloc[2] = value
        return frame.assign(**{column: values.infer_objects()})

    return counts(change)


def text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = (folder / name).read_text()
        assert old in content
        (folder / name).write_text(content.replace(old, new, 1))

    return spoil


def key(name: str, value: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = yaml.safe_load((folder / "vdj.yaml").read_text())
        at = content
        *outer, last = name.split(".")
        for part in outer:
            at = at[part]
        at[last] = value
        (folder / "vdj.yaml").write_text(yaml.safe_dump(content))

    return spoil


# What is spoiled, and words that the message must hold.
MISTAKES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "no folder file": (lambda f: (f / "vdj.yaml").unlink(), ["not prepared", "counts.parquet"]),
    "no counts": (lambda f: (f / "counts.parquet").unlink(), ["counts.parquet", "no such file"]),
    "no genes": (lambda f: (f / "genes.tsv").unlink(), ["genes.tsv", "no such file"]),
    "counts cut short": (
        lambda f: (f / "counts.parquet").write_bytes((f / "counts.parquet").read_bytes()[:99]),
        ["counts.parquet", "not a readable parquet"],
    ),
    "yaml that is none": (text("vdj.yaml", "form: 1", "form: ["), ["vdj.yaml", "not YAML"]),
    "another form": (key("form", 9), ["'form'", "found:    9"]),
    "no chain": (key("chain", None), ["'chain'"]),
    "unknown group": (key("group.name", "v"), ["'group.name'", "unknown parameter group"]),
    "group that means another": (key("group.insertions", "zero"), ["'group.insertions'", "zero"]),
    "window backwards": (key("trims", [4, 2]), ["'trims'", "[4, 2]"]),
    "window of text": (key("trims", ["a", "b"]), ["'trims'"]),
    "a column gone": (counts(lambda f: f.drop(columns="j_trim")), ["no column 'j_trim'"]),
    "negative count": (cell("count", -1), ["row 3", "'count'", "found:    -1\n"]),
    "count that is none": (cell("count", np.nan), ["row 3", "'count'", "found:    nan\n"]),
    "unknown gene": (cell("v_gene", "TRAV99*01"), ["row 3", "TRAV99*01", "genes.tsv"]),
    "gene of another segment": (cell("v_gene", "TRAJ1-1*01"), ["row 3", "a V gene"]),
    "no subject": (cell("subject", None), ["row 3", "'subject'"]),
    "half a trim": (cell("v_trim", 1.5), ["'v_trim'", "integers"]),
    "trim outside the window": (cell("j_trim", 15), ["row 3", "'j_trim'", "-2 to 14"]),
    "trim beyond the gene": (cell("j_trim", 99), ["row 3", "'j_trim'", "length"]),
    "row there twice": (
        counts(lambda f: pd.concat([f, f.iloc[[4]]])),
        ["one row for each subject"],
    ),
    "letter that is no base": (text("genes.tsv", "\tV\tT", "\tV\tN"), ["TRAV", "A, C, G and T"]),
    "unknown segment": (text("genes.tsv", "\tV\t", "\tX\t"), ["row 2", "V, D or J"]),
    "anchor outside": (text("genes.tsv", "\t27\n", "\t38\n"), ["row 2", "anchor", "0 to 37"]),
    "gene there twice": (
        text("genes.tsv", "TRAV12-3*01", "TRAV5-1*01"),
        ["row 3", "duplicate gene"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(tmp_path: Path, mistake: str) -> None:
    write_prepared(tmp_path, example())
    spoil, words = MISTAKES[mistake]
    spoil(tmp_path)
    with pytest.raises(InputError) as told:
        read_prepared(tmp_path)
    for word in words:
        assert word in str(told.value)


def test_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_prepared(tmp_path / "nowhere")

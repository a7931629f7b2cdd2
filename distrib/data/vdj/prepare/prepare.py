"""Counts of trims from one table of rearrangements: what is left out, and what is condensed.

A pure function of one file, which `distrib.cluster.mapping.map_files` can map over many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from distrib.data.vdj.germline.parameter_groups import Group, find_group
from distrib.data.vdj.prepare.between import Between, junctions_of
from distrib.data.vdj.prepare.numbering import Numbering, require_from_one
from distrib.data.vdj.prepare.prepare_calls import Calls
from distrib.data.vdj.prepare.prepare_recipe import Recipe
from distrib.data.vdj.prepare.prepare_sieve import NO_FRAME, TOLD, Sieve
from distrib.data.vdj.prepare.programs import Columns, EndName
from distrib.data.vdj.prepare.rearrangements import Block, read_blocks
from distrib.data.vdj.prepare.rearrangements_ends import GENE_OF, Ends, find_ends
from distrib.data.vdj.prepare.rearrangements_scenarios import file_generator, scenario_weights
from distrib.data.vdj.prepare.shared_rows import in_runs, stem_of, subjects_of
from distrib.errors import InputError

EXCHANGED = (
    "inserted bases between V and D stand under the names of those between D and J, and these "
    "under theirs, as the places of the genes say: read so"
)
GAPS = "positions count IMGT's gaps, which were undone"
MOST_MH = 15  # shared bases that two annotations of one sequence may differ by


def count_rearrangements(path: str, **options: Any) -> Iterator[pa.Table | Mapping[str, int]]:
    """Condensed counts of a table, block by block, and how many rows were kept and dropped.

    Args:
        path: of the table. options: of `Recipe.options`.

    Yields:
        tables with the columns `subject`, the group's genes and trims, and `count` (float64); and
        counts of rows: `read`, `kept`, `dropped: <why>`; beside them, of rows with an unknown or
        ambiguous gene, `named: <why>: <name>`, and `assumed: <how an allele was chosen>`.

    Raises:
        InputError: naming the file and the row of what cannot be.
    """
    counter = _Counter(Recipe.from_options(options), Path(path))
    extra = [counter.recipe.subject_column] if counter.recipe.subject_column else []
    events = counter.recipe.events
    for block in read_blocks(Path(path), counter.recipe.program, extra, events):
        table, counts = counter.count(block)
        yield pa.Table.from_pandas(table, preserve_index=False)
        yield counts


def condensed(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each key, which all columns but the last make up; counts added, keys sorted."""
    keys = list(table.columns[:-1])
    return table.groupby(keys, sort=True)["count"].sum().reset_index()


class _Counter:
    """Counts the blocks of one file."""

    def __init__(self, recipe: Recipe, file: Path) -> None:
        self.recipe = recipe
        self.file = file
        self.group = find_group(recipe.group)
        self.locus = recipe.locus
        self.calls = Calls(recipe)
        self.sequences = {name: gene.sequence for name, gene in recipe.genes.items()}
        # A user's file may lie under several folders: its name alone tells it and its randomness.
        self.generator = file_generator(stem_of(file), recipe.seed)
        self.shared = recipe.shared.get(str(file.absolute()), ())
        self.numbering: Numbering | None = None
        self.between = Between(recipe.program)

    def count(self, block: Block) -> tuple[pd.DataFrame, dict[str, int]]:
        recipe, group = self.recipe, self.group
        sieve, tally = Sieve(len(block)), Counter[str]()
        self._understand(block, tally)
        self._repeats(block, sieve)
        weights = scenario_weights(block, recipe.program, recipe.scenarios, self.generator)
        sieve.drop(weights == 0, "another scenario of its sequence")
        self._other_kinds(block, sieve)
        self._productivity(block, sieve)
        genes = self.calls.find(block, sieve, tally)
        ends = self._ends(block, sieve, genes)
        self._insertions(sieve, ends)
        self._window(sieve, ends)
        subjects = self._subjects(block, sieve)
        weights = weights * self._weights(block, sieve)
        table = pd.DataFrame({
            "subject": subjects.to_numpy(),
            **{column: genes[column].to_numpy() for column in group.genes},
            **{column: np.nan_to_num(ends.trims[_end(column)]).astype(np.int64)
               for column in group.trims},
            "count": weights,
        })[sieve.kept]  # fmt: skip
        table = condensed(table)
        tally.update(sieve.counts())
        return table.astype(dict.fromkeys(("subject", *group.genes), "str")), dict(tally)

    def _understand(self, block: Block, tally: Counter[str]) -> None:
        """What the file's first block tells of how it is written, and what is said of this one."""
        program = self.recipe.program
        require_from_one(block, program)
        if self.numbering is None:
            self.between = junctions_of(block, program)
            self.numbering = Numbering(block, self.between.program)
        tally.update({f"{TOLD}: {text}": rows for text, rows in block.told.items()})
        if self.between.exchanged:
            tally[f"{TOLD}: {EXCHANGED}"] += len(block)
        if self.between.doubt:
            tally[f"{TOLD}: {self.between.doubt}"] += len(block)
        for gene in self.numbering.gapped:
            tally[f"{TOLD}: {gene.upper()} {GAPS}"] += len(block)

    def _repeats(self, block: Block, sieve: Sieve) -> None:
        """A row counts once, however often it stands in the file, or in one before it."""
        shared = in_runs(block.frame.index.to_numpy(), self.shared)
        sieve.drop(shared, "the same row as one of an earlier file")
        if self.recipe.on_duplicate == "error":
            for i, (again, number) in enumerate(zip(block.again, block.frame.index)):
                if again is not None and (again[0] == "same" or not self.recipe.program.scenarios):
                    column = self.recipe.program.columns.sequence
                    raise InputError(
                        "a sequence that is there twice",
                        file=self.file,
                        where=f"rows {again[1]} and {number}, column {block.name(column, '')!r}",
                        found=f"{block.texts(column, '').iloc[i][:60]!r}, in rows that "
                        + ("are equal" if again[0] == "same" else "differ"),
                        expected="each sequence once",
                        hint="--on-duplicate skip counts equal rows once",
                    )
        same = np.array([again is not None and again[0] == "same" for again in block.again], bool)
        sieve.drop(same, "the same row as an earlier one")

    def _other_kinds(self, block: Block, sieve: Sieve) -> None:
        kind: Literal["vj", "vdj"] = "vdj" if self.locus.d else "vj"
        for column, words in self.recipe.program.only.items():
            if block.has((column,)) and kind in words:
                texts = block.frame[column].str.lower()
                known = {word.lower() for word in words[kind]}
                sieve.drop(~texts.isin(known), f"{column} is not {' or '.join(words[kind])}")

    def _productivity(self, block: Block, sieve: Sieve) -> None:
        """Between V and J, the frame of a ligation's sequence decides when the data is loaded."""
        group, program = self.group, self.recipe.program
        if group.productivity == "both" or (group.ligation and group.junction == "vj"):
            return
        columns = program.columns.productive
        if self.recipe.all_are is not None and not block.has(columns):
            same = self.recipe.all_are == group.productivity
            sieve.drop(np.full(len(block), not same), self.recipe.all_are)
            return
        if program.columns.cdr3 and not block.has(columns):
            texts = block.texts(program.columns.cdr3, "the CDR3's amino acids")
            sieve.drop(texts == "", "productivity unknown")
            broken = texts.str.contains(r"[*_]").to_numpy(bool)
            sieve.drop(broken == (group.productivity == "productive"), _other(group))
            return
        texts = block.texts(columns, "productivity").str.lower()
        words = {
            "productive": {word.lower() for word in program.productive},
            "nonproductive": {word.lower() for word in program.nonproductive},
        }
        odd = ~texts.isin({"", *words["productive"], *words["nonproductive"]}).to_numpy()
        if odd.any():
            first = int(np.argmax(odd))
            raise InputError(
                "a word for productivity that the format does not know",
                file=self.file,
                where=f"{block.place(first)}, column {block.name(columns, '')!r}",
                found=repr(texts.iloc[first]),
                expected=" or ".join((*program.productive, *program.nonproductive)),
            )
        sieve.drop(texts == "", "productivity unknown")
        sieve.drop(texts.isin(words[_other(group)]), _other(group))

    def _ends(self, block: Block, sieve: Sieve, genes: dict[str, pd.Series]) -> Ends:
        """Drops rows without trims, or with trims that the genes do not allow."""
        group = self.group
        wanted = tuple(_end(column) for column in group.trims)
        sequences = {
            end: genes[column].map(self.sequences)
            for end, column in GENE_OF.items()
            if column in genes
        }
        assert self.numbering is not None
        program = self.between.program
        ends = find_ends(block, program, wanted, self.recipe.junction, sequences, self.numbering)
        if self.recipe.junction is not None and self.locus.d:
            sieve.drop(
                self.between.contradicts(block), "inserted bases against the places of genes"
            )
        for end in wanted:
            sieve.drop(np.isnan(ends.trims[end]), "no trims")
        sieve.drop(ends.contradiction, "P-nucleotides at an end that lost bases")
        outside = ends.beyond.copy()
        for end in wanted:
            lengths = sequences[end].str.len().to_numpy(float, na_value=np.nan)
            outside |= ends.trims[end] > lengths
        if group.has_d and {"d5", "d3"} <= set(ends.trims):
            both = np.maximum(ends.trims["d5"], 0) + np.maximum(ends.trims["d3"], 0)
            outside |= both > sequences["d5"].str.len().to_numpy(float, na_value=np.nan)
        sieve.drop(outside, "trims outside the germline gene")
        if self.recipe.needs_anchors:
            known = {name for name, gene in self.recipe.genes.items() if gene.anchor is not None}
            for column in group.genes:
                sieve.drop(~genes[column].isin(known), NO_FRAME)
        return ends

    def _insertions(self, sieve: Sieve, ends: Ends) -> None:
        if ends.inserted is None:
            return
        sieve.drop(np.isnan(ends.inserted), "insertions unknown")
        sieve.drop(ends.inserted < 0, "fewer inserted bases than P-nucleotides")
        most = self.recipe.max_insertions
        if most is not None:
            sieve.drop(ends.inserted > most, f"more than {most} insertions")
        if self.group.insertions == "zero":
            sieve.drop(ends.inserted != 0, "insertions")
        elif self.group.insertions == "nonzero":
            sieve.drop(ends.inserted == 0, "no insertions")

    def _window(self, sieve: Sieve, ends: Ends) -> None:
        """Of ligation groups, rows go whose sequence no annotation in the window can give.

        A join of trims a and b has the sequence of trims a' and b' with m shared bases only if
        a + b = a' + b' + m.
        """
        first, last = self.recipe.trims
        trims = [ends.trims[_end(column)] for column in self.group.trims]
        if self.group.ligation:
            total = trims[0] + trims[1]
            reachable = (total >= 2 * first) & (total <= 2 * last + MOST_MH)
            sieve.drop(~reachable, "trims far outside the window")
            return
        for trim in trims:
            sieve.drop((trim < first) | (trim > last), "trims outside the window")

    def _subjects(self, block: Block, sieve: Sieve) -> pd.Series:
        subjects = subjects_of(block, self.recipe)
        sieve.drop(subjects == "", "no subject")
        return subjects

    def _weights(self, block: Block, sieve: Sieve) -> np.ndarray:
        columns = self.recipe.program.columns.count
        if block.has(columns):  # impossible also where rows alone weigh
            self._refuse_negative(block, columns)
        if self.recipe.weigh == "rows":
            return np.ones(len(block))
        counts = block.integers(columns, "a count")
        sieve.drop(np.isnan(counts), "no count")
        sieve.drop(counts == 0, "a count of 0")
        return np.nan_to_num(counts)

    def _refuse_negative(self, block: Block, columns: Columns) -> None:
        counts = pd.to_numeric(block.texts(columns, "a count"), errors="coerce").to_numpy(float)
        if (counts < 0).any():
            first = int(np.argmax(counts < 0))
            raise InputError("a count below 0", file=self.file,
                             where=f"{block.place(first)}, column {block.name(columns, '')!r}",
                             found=f"{counts[first]:g}", expected="a whole number")  # fmt: skip


def _other(group: Group) -> str:
    """What rearrangements are that the group is not about."""
    return "nonproductive" if group.productivity == "productive" else "productive"


def _end(column: str) -> EndName:
    """The end that a trim column is of."""
    ends: dict[str, EndName] = {"v_trim": "v", "d5_trim": "d5", "d3_trim": "d3", "j_trim": "j"}
    return ends[column]

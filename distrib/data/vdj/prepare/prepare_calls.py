"""Germline genes of a block's rows, and what becomes of rows whose names mean none."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
import pandas as pd

from distrib.data.vdj.germline.gene_names import Call, GeneNames
from distrib.data.vdj.germline.parameter_groups import find_group
from distrib.data.vdj.prepare.prepare_recipe import Recipe
from distrib.data.vdj.prepare.prepare_sieve import ASSUMED, NAMED, Sieve
from distrib.data.vdj.prepare.rearrangements import Block
from distrib.errors import InputError

GeneColumn = Literal["v_gene", "d_gene", "j_gene"]


class Calls:
    """Reads the genes of one recipe's tables."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._wanted = find_group(recipe.group).genes
        locus, added = recipe.locus, frozenset(recipe.added)
        columns: tuple[GeneColumn, ...] = ("v_gene", "d_gene", "j_gene")
        self._names = {
            column: GeneNames(
                [name for name in _of(recipe, column) if name not in added],
                locus,
                [name for name in _of(recipe, column) if name in added],
            )
            for column in columns
            if locus.d or column != "d_gene"
        }

    def find(self, block: Block, sieve: Sieve, tally: Counter[str]) -> dict[str, pd.Series]:
        """Of every segment (rows,) names of germline genes, missing where a name means none.

        Rows go that have a problem with a gene that is wanted, or two columns that disagree.

        Raises:
            InputError: no column of genes that are wanted; an unknown or ambiguous one, where the
                recipe says that it is an error.
        """
        genes: dict[str, pd.Series] = {}
        for column, names in self._names.items():
            columns = getattr(self._recipe.program.columns, column)
            if column not in self._wanted and not block.has(columns):
                genes[column] = pd.Series([None] * len(block), dtype="str")
                continue
            texts = block.texts(columns, f"{column[0].upper()} genes")
            calls = [names.find(text) for text in texts]
            genes[column] = pd.Series([call.gene or None for call in calls], dtype="str")
            if column in self._wanted:
                self._drop_problems(block, sieve, tally, texts, calls, column[0].upper())
        for column, others in self._recipe.program.agree.items():
            if column in genes and block.has(others):
                texts = block.texts(others, "genes")
                other = [self._names[column].find(text).gene for text in texts]
                differ = genes[column].to_numpy(object) != np.array(other, object)
                sieve.drop(differ, f"{column} differs from {texts.name}")
        return genes

    def _drop_problems(
        self,
        block: Block,
        sieve: Sieve,
        tally: Counter[str],
        texts: pd.Series,
        calls: list[Call],
        segment: str,
    ) -> None:
        problems = np.array([call.problem for call in calls], object)
        sieve.drop(problems == "no gene", f"no {segment} gene")
        sieve.drop(problems == "another chain", "another chain")
        for problem in ("ambiguous", "unknown"):
            rows = (problems == problem) & sieve.kept
            what = f"{problem} {segment} gene"
            if rows.any() and self._recipe.on_unknown == "error":
                raise self._error(block, texts, int(np.argmax(rows)), what)
            tally.update(f"{NAMED}: {what}: {name}" for name in texts[rows])
            sieve.drop(rows, what)
        assumed = np.array([call.assumed for call in calls], object)[sieve.kept]
        tally.update(f"{ASSUMED}: {segment} gene: {how}" for how in assumed if how)

    def _error(self, block: Block, texts: pd.Series, row: int, what: str) -> InputError:
        name = texts.iloc[row]
        return InputError(
            f"an {what}",
            file=block.file,
            where=f"{block.place(row)}, column {texts.name!r}",
            found=repr(name),
            expected="a gene of the germline, alone",
            # No nearest name: a gene of another number is another gene.
            hint="--germline olga FILE adds genes that OLGA lacks; --on-unknown skip leaves such "
            "rows out",
        )


def _of(recipe: Recipe, column: GeneColumn) -> list[str]:
    """The genes of a column's segment."""
    return [name for name, gene in recipe.genes.items() if gene.segment == column[0].upper()]

"""AnnData files (`.h5ad`): what stands in them, read a block of cells at a time.

The layout is that of anndata's on-disk specification, versions 0.1.0 and 0.2.0, and of files that
anndata 0.7 wrote (categories beside the columns). It is read by h5py: the releases of anndata for
Python 3.11 need pandas 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from distrib.data.files.ids import examples
from distrib.data.files.text import check_file
from distrib.errors import InputError, nearest

BLOCK = 2048
"""Cells that are read at once."""


@dataclass
class AnnDataFile:
    """An open file.

    Attributes:
        cells, genes: how many.
    """

    path: Path
    file: Any
    cells: int
    genes: int
    _kept: list[tuple[np.ndarray, np.ndarray]] | None = field(default=None, repr=False)

    @classmethod
    def open(cls, path: Path) -> AnnDataFile:
        """Open a file for reading; `close` it.

        Raises:
            InputError: h5py is not installed, or this is no AnnData file.
        """
        check_file(path)
        try:
            import h5py
        except ModuleNotFoundError:
            raise InputError(
                "a package that reads .h5ad is not installed",
                file=path,
                found="no module 'h5py'",
                hint="pip install -c constraints.txt -e '.[anndata]'",
            ) from None
        try:
            file = h5py.File(path, "r")
        except OSError as error:
            raise InputError("not a readable .h5ad file", file=path, found=error) from None
        found = cls(path, file, 0, 0)
        lacking = [name for name in ("X", "obs", "var") if name not in file]
        if lacking:
            file.close()
            raise InputError(
                "not an AnnData file",
                file=path,
                found=f"no {', '.join(lacking)}",
                expected="X, obs, var",
            )
        try:
            found.cells, found.genes = found._shape("X", file["X"])
            for of, axis, count in (("obs", "cells", found.cells), ("var", "genes", found.genes)):
                found._require(f"the index of {of}", len(found.names(of)), count, axis)
        except InputError:
            file.close()
            raise
        return found

    def close(self) -> None:
        """Close it."""
        self.file.close()

    def columns(self, of: str = "obs") -> list[str]:
        """The names of the columns of `obs` or `var`."""
        table = self.file[of]
        if hasattr(table, "keys"):
            index = _text(table.attrs.get("_index", "_index"))
            return [name for name in table if name not in (index, "__categories")]
        return [name for name in table.dtype.names or () if name != "index"]

    def names(self, of: str) -> np.ndarray:
        """(n,) str: the index of `obs` or `var`."""
        table = self.file[of]
        if not hasattr(table, "keys"):
            return _strings(table[table.dtype.names[0]])
        return self._values(table[_text(table.attrs.get("_index", "_index"))])

    def column(self, name: str, of: str = "obs") -> np.ndarray:
        """(n,) str of a column, empty where it is missing.

        Raises:
            InputError: there is no such column.
        """
        known = self.columns(of)
        if name not in known:
            raise InputError(
                f"no column {name!r} in {of}",
                file=self.path,
                found=examples(known) or "no columns",
                expected="one of them",
                hint=nearest(name, known),
            )
        table = self.file[of]
        if not hasattr(table, "keys"):
            return _strings(table[name])
        values = self._values(table[name], table.get("__categories"))
        axis, count = ("cells", self.cells) if of == "obs" else ("genes", self.genes)
        self._require(f"column {name!r} of {of}", len(values), count, axis)
        return values

    def blocks(self, layer: str | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """First cell and (cells, genes) float64 of each block, of `X` or a layer.

        Raises:
            InputError: there is no such layer, or a value is not finite.
        """
        place = self.file["X"]
        if layer is not None:
            layers = self.file.get("layers", {})
            if layer not in layers:
                raise InputError(
                    f"no layer {layer!r}",
                    file=self.path,
                    found=", ".join(layers) or "no layers",
                    hint=nearest(layer, list(layers)),
                )
            place = layers[layer]
            for count, own, axis in zip(
                self._shape(f"layer {layer}", place), (self.cells, self.genes), ("cells", "genes")
            ):
                self._require(f"layer {layer!r}", count, own, axis)
        for start in range(0, self.cells, BLOCK):
            block = self._rows(place, start, min(start + BLOCK, self.cells))
            if not np.isfinite(block).all():
                cell, gene = np.argwhere(~np.isfinite(block))[0]
                raise InputError(
                    "a value is not finite",
                    file=self.path,
                    where=f"cell {start + cell + 1}, gene {self.names('var')[gene]}",
                    found=block[cell, gene],
                )
            yield start, block

    def _rows(self, place: Any, start: int, stop: int) -> np.ndarray:
        if not hasattr(place, "keys"):
            return np.asarray(place[start:stop], dtype=np.float64)
        block = np.zeros((stop - start, self.genes))
        if self._sparse(place) == "csr":
            ends = place["indptr"][start : stop + 1].astype(np.int64)
            rows = np.repeat(np.arange(stop - start), np.diff(ends))
            block[rows, place["indices"][ends[0] : ends[-1]]] = place["data"][ends[0] : ends[-1]]
            return block
        for gene, (rows, values) in enumerate(self._by_gene(place)):
            there = (rows >= start) & (rows < stop)
            block[rows[there] - start, gene] = values[there]
        return block

    def _by_gene(self, place: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        """A matrix by columns, kept: its cells lie in no order that could be read in blocks."""
        if self._kept is None:
            ends = place["indptr"][:].astype(np.int64)
            rows, values = place["indices"][:], place["data"][:]
            self._kept = [(rows[a:b], values[a:b]) for a, b in pairwise(ends.tolist())]
        return self._kept

    def _sparse(self, place: Any) -> str:
        form = _text(place.attrs.get("encoding-type", place.attrs.get("h5sparse_format", "")))
        return "csr" if form.startswith("csr") else "csc"

    def _shape(self, name: str, place: Any) -> tuple[int, int]:
        """Cells and genes of a matrix: of `X`, or a layer."""
        sparse = hasattr(place, "keys")
        shape = (
            place.attrs.get("shape", place.attrs.get("h5sparse_shape", ()))
            if sparse
            else place.shape
        )
        parts = ("data", "indices", "indptr") if sparse else ()
        lacking = [key for key in parts if key not in place]
        if len(shape) != 2 or lacking:
            raise InputError(
                "no matrix of cells by genes",
                file=self.path,
                where=name,
                found=f"no {', '.join(lacking)}" if lacking else f"shape {tuple(shape)}",
                expected="a dense one, or a sparse one by cells or by genes",
            )
        cells, genes = map(int, shape)
        if sparse:
            along = cells if self._sparse(place) == "csr" else genes
            self._require(f"indptr of {name}, less one", len(place["indptr"]) - 1, along, "lines")
        return cells, genes

    def _require(self, what: str, found: int, expected: int, of: str) -> None:
        if found != expected:
            raise InputError(
                "not as long as X",
                file=self.path,
                where=what,
                found=f"{found:,} {of}",
                expected=f"{expected:,}, as X has",
                hint="the file is damaged, or was put together by hand: write it anew by anndata",
            )

    def _values(self, place: Any, categories: Any = None) -> np.ndarray:
        """(n,) str of a column in any of its encodings."""
        if hasattr(place, "keys"):
            if "codes" in place:
                return _coded(place["codes"][:], self._values(place["categories"]))
            values, mask = _strings(place["values"][:]), place["mask"][:].astype(bool)
            return np.where(mask, "", values)
        name = place.name.rpartition("/")[2]
        if categories is not None and name in categories:
            return _coded(place[:], self._values(categories[name]))
        return _strings(place[:])


def _coded(codes: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """(n,) str; a code below 0 is a missing value."""
    return np.append(categories, "")[np.where(codes < 0, len(categories), codes)]


def _strings(values: np.ndarray) -> np.ndarray:
    found = [_text(value) for value in values.tolist()]
    return np.array(["" if text == "nan" else text for text in found], dtype=str)


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)

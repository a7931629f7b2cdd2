"""Files of other kinds under the name of a text file, known by their first bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path

from distrib.errors import InputError

_NAME_NPY = "where a matrix is due, name it {stem}.npy; where a table is, save it as one"
_NAME_NPZ = _NAME_NPY.replace(".npy", ".npz")
_SPREADSHEET = 'save it as "CSV UTF-8" first'

# None of these begins a text. PAR1 alone might, since a gene is called that; in a parquet file the
# head of a Thrift structure follows it.
_KINDS = (
    (b"PAR1\x15", "a parquet file", "name it {stem}.parquet"),
    (b"\x1f\x8b", "a gzip file", "name it {name}.gz"),
    (b"\x93NUMPY", "a NumPy array", _NAME_NPY),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"\x89HDF\r\n", "an HDF5 file", "save its table as CSV or parquet first"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", _SPREADSHEET),
)
HEAD = max(len(magic) for magic, _, _ in _KINDS)
"""Bytes of a file's beginning that tell."""


def refuse_disguised(path: Path, head: bytes) -> None:
    """Raise where a file is named like a text but begins as another kind does.

    Args:
        head: its first `HEAD` bytes; of a `.gz`, those of what it holds.
    """
    for magic, kind, advice in _KINDS:
        if head.startswith(magic):
            if magic.startswith(b"PK"):
                kind, advice = _archive(path) or (kind, advice)
            packed = path.suffix.lower() == ".gz"
            inner = Path(path.stem if packed else path.name)
            hint = advice.format(name=inner.name, stem=inner.stem)
            raise InputError(
                "the file is not text",
                file=path,
                found=kind,
                hint=f"unpack it, then {hint}" if packed else hint,
            )


def _archive(path: Path) -> tuple[str, str] | None:
    """What a zip archive is, where it is more than one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return None
    if any(name.endswith(".npy") for name in names):
        return "NumPy arrays", _NAME_NPZ
    if any(name in ("xl/workbook.xml", "content.xml") for name in names):
        return "a spreadsheet", _SPREADSHEET
    return None

"""Germline genes, from a FASTA file or a table, and the ends of them that are trimmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from distrib.data.files.fasta import FASTA_SUFFIXES, read_fasta
from distrib.data.files.ids import as_ids
from distrib.data.files.tables import read_table
from distrib.data.files.text import suffix
from distrib.data.vdj.germline.olga import Side, reverse_complement
from distrib.errors import InputError, nearest

_GAPS = str.maketrans("", "", ".- ")  # of IMGT's numbering
_IUPAC = frozenset("ACGTRYSWKMBDHVN")


def read_germline(path: Path) -> dict[str, str]:
    """Gene name -> its germline sequence, upper-case, without gaps, in the order of the file.

    A FASTA file has the name first in its headers (`>TRBV19*01 ...`), or second between bars as
    IMGT writes them (`>M12345|TRBV19*01|Homo sapiens|...`). A table (CSV, TSV, parquet) has the
    columns `gene` and `sequence`.

    Raises:
        InputError: naming the row of what is missing, there twice, damaged or no nucleotides.
    """
    return {gene: ungapped(text) for gene, text in read_gapped(path).items()}


def ungapped(text: str) -> str:
    """A sequence without the gaps of IMGT's numbering."""
    return text.translate(_GAPS)


def read_gapped(path: Path) -> dict[str, str]:
    """As `read_germline`, with the gaps of IMGT's numbering where the file has them."""
    is_fasta = suffix(path) in FASTA_SUFFIXES
    records = list(_read_fasta(path) if is_fasta else _read_columns(path))
    genes = as_ids([gene for _, gene, _ in records], path, [row for row, _, _ in records])
    sequences = {}
    for (row, _, text), gene in zip(records, genes.values.tolist()):
        gapped = text.upper().replace(" ", "")
        sequence = ungapped(gapped)
        if not sequence:
            raise InputError("a gene without sequence", file=path, where=f"row {row} ({gene})")
        for position, letter in enumerate(sequence, 1):
            if letter not in _IUPAC:
                raise InputError(
                    "a letter that is no nucleotide",
                    file=path,
                    where=f"row {row} ({gene}), position {position}",
                    found=repr(letter),
                    expected="a DNA sequence of A, C, G and T",
                )
        sequences[gene] = gapped
    return sequences


def trimmed_ends(
    germline: Mapping[str, str], gene_end: Side, num_bases: int, file: object
) -> dict[str, str]:
    """Gene name -> its last bases on the strand being trimmed, 5'->3', A, C, G and T only.

    Args:
        germline: whole genes as in `read_germline`, on their coding strand. V genes are trimmed at
            their right end, J genes at their left (which is turned round).
        num_bases: how many bases the features look at. file: named in errors.

    Raises:
        InputError: naming a gene that is too short or ambiguous there.
    """
    ends = {}
    for gene, sequence in germline.items():
        if len(sequence) < num_bases:
            raise InputError(
                "a gene shorter than its features look",
                file=file,
                where=gene,
                found=f"{len(sequence)} bases",
                expected=f"at least {num_bases}: the longest trim and 10 more",
            )
        first = 0 if gene_end == "j" else len(sequence) - num_bases
        end = sequence[first : first + num_bases]
        for position, letter in enumerate(end, first + 1):
            if letter not in "ACGT":
                raise InputError(
                    "an ambiguous base near the end that is trimmed",
                    file=file,
                    where=f"{gene}, position {position}",
                    found=repr(letter),
                    expected="A, C, G or T",
                )
        ends[gene] = reverse_complement(end) if gene_end == "j" else end
    return ends


def require_known(gene: str, germline: Mapping[str, str], file: object, where: str) -> None:
    """Raise InputError where the germline lacks a gene, with the nearest that it has."""
    if gene not in germline:
        alleles = [name for name in germline if name.split("*")[0] == gene]
        hint = f"name the allele, such as {alleles[0]!r}" if alleles else nearest(gene, germline)
        raise InputError(
            "a gene without germline sequence",
            file=file,
            where=where,
            found=repr(gene),
            expected="a gene of the germline file",
            hint=hint,
        )


def _read_fasta(path: Path) -> Iterator[tuple[int, str, str]]:
    """Row of the header, name and sequence of each record."""
    for row, header, sequence in read_fasta(path):
        fields = header.split("|")
        words = (fields[1] if len(fields) > 1 else fields[0]).split()
        yield row, words[0] if words else "", sequence


def _read_columns(path: Path) -> Iterator[tuple[int, str, str]]:
    frame = read_table(path)
    for column in ("gene", "sequence"):
        if column not in frame.columns:
            raise InputError(
                f"no column {column!r}",
                file=path,
                found=", ".join(frame.columns),
                expected="columns gene and sequence",
                hint=nearest(column, frame.columns),
            )
    for row, gene, sequence in frame[["gene", "sequence"]].itertuples():
        yield int(row), _text(gene), _text(sequence)


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""

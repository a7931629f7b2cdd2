"""The germline genes of a chain: OLGA's, or those of a user's FASTA file or table.

In IMGT's FASTA files the gaps of V genes tell their anchors.
A table has the columns `gene` and `sequence`, and `segment` and `anchor` where they are known; or
those of tcrdist3's `combo_xcr` (`id`, `organism`, `chain`, `region`, `nucseq`, `frame`,
`aligned_protseq`, `cdr_columns`), of which the rows of one species and chain are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from distrib.data.files.fasta import FASTA_SUFFIXES
from distrib.data.files.ids import examples
from distrib.data.files.tables import read_table
from distrib.data.files.text import suffix
from distrib.data.vdj.germline.anchors import aligned_anchor, gapped_anchor
from distrib.data.vdj.germline.germline import read_gapped, read_germline, ungapped
from distrib.data.vdj.germline.loci import Locus
from distrib.data.vdj.germline.olga import CHAINS, model_name, read_genes
from distrib.data.vdj.prepare.prepared import Gene, Segment
from distrib.data.vdj.prepare.prepared_checks import SEGMENTS, require_columns
from distrib.errors import InputError

_COMBO = ("id", "organism", "chain", "region", "nucseq", "frame", "aligned_protseq", "cdr_columns")


OLGA = "olga"
"""What stands for OLGA's model of the chain among the sources of genes."""


def germline_beside(
    locus: Locus, species: str, sources: Sequence[str], notes: list[str]
) -> tuple[dict[str, Gene], tuple[str, ...], str]:
    """Genes of several sources, the names of those that the first one lacks, and the sources.

    Args:
        sources: files, or `OLGA`; of two that know a gene of one name the earlier one counts.
            None: OLGA's.
        notes: gets a line for what the later ones add, and where they differ, and those of
            `germline_genes`.

    Raises:
        InputError: as `germline_genes`; a source that is named twice.
    """
    words = list(sources) or [OLGA]
    if len(set(words)) < len(words):
        raise InputError("a source of genes that is named twice", where="--germline",
                         found=" ".join(words))  # fmt: skip
    files = [None if word.lower() == OLGA else Path(word) for word in words]
    genes, source = germline_genes(locus, species, files[0], notes)
    added: list[str] = []
    for file in files[1:]:
        more, other = _genes_of(locus, species, file, notes)
        new = [name for name in more if name not in genes]
        differ = [name for name, gene in more.items()
                  if name in genes and gene.sequence != genes[name].sequence]  # fmt: skip
        if differ:
            notes.append(f"{other}: {len(differ)} genes have another sequence than those of "
                         f"{source}, which count: {examples(differ)}")  # fmt: skip
        notes.append(f"{other}: {len(new)} genes were added to those of {source}: {examples(new)}"
                     if new else f"{other}: no gene that {source} lacks")  # fmt: skip
        genes = {**genes, **{name: more[name] for name in new}}
        added, source = [*added, *new], f"{source} and {other}"
    return genes, tuple(added), source


def germline_genes(
    locus: Locus, species: str, file: Path | None, notes: list[str]
) -> tuple[dict[str, Gene], str]:
    """Genes by name, of letters A, C, G and T only, and where they come from.

    Args:
        file: the user's germline, or None for OLGA's model of the chain.
        notes: gets a line for genes that are left out: of other chains, with other letters, or
            with a second sequence.

    Raises:
        InputError: naming the file, row and gene at fault; no gene of a segment of this chain; a
            chain that OLGA has no model of.
    """
    genes, source = _genes_of(locus, species, file, notes)
    for segment in "VDJ" if locus.d else "VJ":
        if not any(gene.segment == segment for gene in genes.values()):
            hint = None
            if file is not None and locus.chain in CHAINS:
                hint = f"to add its genes to OLGA's: --germline {OLGA} {file}"
            raise InputError(f"no {segment} gene of {locus.chain}", file=source,
                             found=f"{len(genes)} genes of the chain: {examples(list(genes))}"
                             if genes else "none of the chain",
                             expected=f"genes named {locus.chain}{segment}...",
                             hint=hint)  # fmt: skip
    return genes, source


def _genes_of(
    locus: Locus, species: str, file: Path | None, notes: list[str]
) -> tuple[dict[str, Gene], str]:
    """The genes of one source that belong to the locus, whichever segments there are."""
    if file is None:
        if locus.chain not in CHAINS:
            raise InputError("OLGA has no model of this chain", where="--chain", found=locus.chain,
                             expected="one of " + ", ".join(CHAINS),
                             hint="give its genes: --germline FILE")  # fmt: skip
        name = model_name(locus.chain, species)
        genes = {g.name: _gene(g.name, g.segment, g.sequence, g.anchor) for g in read_genes(name)}
        source = f"OLGA {name}"
    else:
        genes, source = _read(file, locus, species, notes), str(file)
    foreign = [name for name in genes if not locus.holds(name)]
    if foreign:
        notes.append(f"{source}: {len(foreign)} genes of other chains were left out: "
                     f"{examples(foreign)}")  # fmt: skip
    genes = {name: gene for name, gene in genes.items() if locus.holds(name)}
    odd = [name for name, gene in genes.items() if set(gene.sequence) - set("ACGT")]
    if odd:
        notes.append(f"{source}: {len(odd)} genes with letters other than A, C, G and T were left "
                     f"out: {examples(odd)}")  # fmt: skip
    return {name: gene for name, gene in genes.items() if name not in odd}, source


def _read(file: Path, locus: Locus, species: str, notes: list[str]) -> dict[str, Gene]:
    if suffix(file) in FASTA_SUFFIXES:
        return {name: _from_gapped(name, sequence, file)
                for name, sequence in read_gapped(file).items()}  # fmt: skip
    frame = read_table(file)
    if set(_COMBO) <= set(frame.columns):
        return _from_alignments(frame, locus, species, file, notes)
    require_columns(frame, ("gene", "sequence"), file)
    segments = frame["segment"].tolist() if "segment" in frame else [""] * len(frame)
    anchors = frame["anchor"].tolist() if "anchor" in frame else [""] * len(frame)
    sequences = read_germline(file)
    genes = {}
    for row, (name, sequence), segment, anchor in zip(
        frame.index, sequences.items(), segments, anchors
    ):
        where = f"row {row} ({name})"
        genes[name] = _gene(name, segment, sequence, _anchor(anchor, sequence, file, where), file)
    return genes


def _from_gapped(name: str, sequence: str, file: Path) -> Gene:
    gene = _gene(name, "", ungapped(sequence), None, file)
    return replace(gene, anchor=gapped_anchor(gene.segment, sequence))


def _from_alignments(
    frame: pd.DataFrame, locus: Locus, species: str, file: Path, notes: list[str]
) -> dict[str, Gene]:
    """Genes of a table of aligned proteins, which names some twice: the first counts."""
    known = (*locus.tables, locus.chain)
    rows = frame[(frame["organism"] == species) & frame["chain"].isin(known)]
    genes: dict[str, Gene] = {}
    for row, name, segment, text, frame_text, protein, columns in rows[
        ["id", "region", "nucseq", "frame", "aligned_protseq", "cdr_columns"]
    ].itertuples():
        where = f"row {row} ({name})"
        try:
            anchor = aligned_anchor(segment, int(frame_text), protein, columns)
        except ValueError as error:
            raise InputError("an alignment that cannot be read", file=file, where=where,
                             found=error) from None  # fmt: skip
        gene = _gene(name, segment, text.upper(), anchor, file)
        if genes.setdefault(name, gene).sequence != gene.sequence:
            notes.append(f"{file}: {name} has two sequences: that of {where} was left out")
    return genes


def _gene(
    name: str, segment: str, sequence: str, anchor: int | None, file: Path | None = None
) -> Gene:
    """A gene, whose segment is the fourth letter of its name where no column tells it."""
    letter = segment.upper() or name[3:4].upper()
    for known in SEGMENTS:
        if letter == known:
            return Gene(name, _SEGMENTS[known], sequence, anchor)
    raise InputError("a gene of no known segment", file=file, where=name, found=letter or "nothing",
                     expected="V, D or J, in a column `segment` or as in TRBV19*01")  # fmt: skip


_SEGMENTS: dict[str, Segment] = {"V": "V", "D": "D", "J": "J"}


def _anchor(cell: object, sequence: str, file: Path, where: str) -> int | None:
    text = str(cell).strip() if cell is not None else ""
    if text.lower() in ("", "na", "nan", "none"):
        return None
    if not text.isdecimal() or int(text) + 3 > len(sequence):
        raise InputError("an anchor outside the gene", file=file, where=where, found=text,
                         expected=f"0 to {len(sequence) - 3}, or nothing")  # fmt: skip
    return int(text)

"""Gene ends and their trimming in OLGA's default models of V(D)J recombination.

The models (inferred with IGoR) come with the `olga` package. Its files are located through the
package's metadata and read as text: the package itself is never imported.

Files: `model_params.txt` lists events (`#GeneChoice;V_gene;Undefined_side;7;v_choice`) with their
values (`%TRBV19*01;<germline>;<index>`, `%<deletion>;<index>`); `model_marginals.txt` gives each
event's probabilities in the order of those indices (Marcou et al. 2018; Sethna et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Literal

import numpy as np

from distrib.errors import InputError, nearest

Side = Literal["v", "j"]

CHAINS = {
    "TRA": "T_alpha",
    "TRB": "T_beta",
    "IGH": "B_heavy",
    "IGK": "B_kappa",
    "IGL": "B_lambda",
}
SPECIES = ("human", "mouse")
MODELS: tuple[str, ...] = tuple(f"{s}_{chain}" for s in SPECIES for chain in CHAINS.values())

_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_EVENTS = {"v": ("v_choice", "v_3_del"), "j": ("j_choice", "j_5_del")}


@dataclass(frozen=True)
class GeneEnd:
    """The ends that are trimmed, of every V or every J gene of a model.

    Attributes:
        genes: (genes,) IMGT allele names, in the model's order.
        sequences: (genes,) whole germline genes, 5'->3' on the strand being trimmed: the trimmed
            end is the right one (J genes are reverse-complemented).
        usage: (genes,) float64, how often a gene is chosen; for J summed over V.
        trims: (trims,) int64, ascending: nucleotides removed; negative are P-nucleotides kept.
        probabilities: (genes, trims) float64, P(trim | gene); a gene that the model never trims
            (nearly all of those it never chooses) has a row of zeros.
    """

    genes: list[str]
    sequences: list[str]
    usage: np.ndarray
    trims: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class OlgaModel:
    """One model: both ends that V(D)J recombination trims at V and J genes."""

    name: str
    v: GeneEnd
    j: GeneEnd

    def gene_end(self, side: Side) -> GeneEnd:
        """The 3' ends of its V genes ("v") or the 5' ends of its J genes ("j")."""
        return self.v if side == "v" else self.j


@dataclass(frozen=True)
class OlgaGene:
    """One gene of a model.

    Attributes:
        segment: "V", "D" or "J". sequence: the whole germline gene on its coding strand, 5'->3'.
        anchor: position, from 0, of the codon that ends the CDR3 (Cys of V, Phe or Trp of J); None
            of D genes and where the model knows none.
    """

    name: str
    segment: str
    sequence: str
    anchor: int | None


def reverse_complement(sequence: str) -> str:
    """The other strand of an upper-case DNA sequence, 5'->3'."""
    return sequence.translate(_COMPLEMENT)[::-1]


def model_name(chain: str, species: str = "human") -> str:
    """The model of a chain: `TRB` (any case) or `T_beta`, with `human` or `mouse`.

    Raises:
        InputError: for a chain or species that OLGA has no model of.
    """
    if species.lower() not in SPECIES:
        raise InputError(
            "unknown species",
            where="data.species",
            found=species,
            expected=" or ".join(SPECIES),
        )
    known = {**CHAINS, **{name.upper(): name for name in CHAINS.values()}}
    if chain.upper() not in known:
        raise InputError(
            "unknown chain",
            where="data.chain",
            found=chain,
            expected="one of " + ", ".join(CHAINS),
            hint=nearest(chain.upper(), CHAINS),
        )
    return f"{species.lower()}_{known[chain.upper()]}"


def read_model(name: str) -> OlgaModel:
    """Read one of `MODELS`.

    Raises:
        InputError: where the name is unknown or the `olga` package is not installed.
    """
    _check_name(name)
    values = _read_values(_locate(name, "model_params.txt"))
    tables = _read_tables(
        _locate(name, "model_marginals.txt"), {event for pair in _EVENTS.values() for event in pair}
    )
    p_v = tables["v_choice"]
    p_j = tables["j_choice"]
    usage_j = p_j if p_j.ndim == 1 else p_v @ p_j  # P(J), or P(J | V)
    return OlgaModel(name, _end("v", values, tables, p_v), _end("j", values, tables, usage_j))


def read_genes(name: str) -> list[OlgaGene]:
    """Every V, D and J gene of one of `MODELS`, in the model's order.

    Raises:
        InputError: as `read_model`.
    """
    _check_name(name)
    values = _read_values(_locate(name, "model_params.txt"))
    anchors = {
        segment: _read_anchors(_locate(name, f"{segment}_gene_CDR3_anchors.csv"))
        for segment in "VJ"
    }
    genes = []
    for segment, event in (("V", "v_choice"), ("D", "d_gene"), ("J", "j_choice")):
        for gene, sequence in values.get(event, []):
            anchor = anchors.get(segment, {}).get(gene)
            # That of an allele known in part only stands where the whole gene's would be.
            within = anchor is not None and anchor + 3 <= len(sequence)
            genes.append(
                OlgaGene(gene.strip(), segment, sequence.upper(), anchor if within else None)
            )
    return genes


@dataclass(frozen=True)
class OlgaEvents:
    """Every event of a model, as its files have them.

    Attributes:
        values: event nickname (`v_choice`, `vd_ins`, ...) -> what its values are, by index.
        tables: event nickname -> float64 probabilities, the event's own values along the last axis
            and those that it depends on along the others.
    """

    values: dict[str, list[list[str]]]
    tables: dict[str, np.ndarray]


def read_events(name: str) -> OlgaEvents:
    """Every event of one of `MODELS`.

    Raises:
        InputError: as `read_model`.
    """
    _check_name(name)
    return OlgaEvents(
        _read_values(_locate(name, "model_params.txt")),
        _read_tables(_locate(name, "model_marginals.txt"), None),
    )


def model_params(name: str) -> Path:
    """The file of events of one of `MODELS`.

    Raises:
        InputError: as `read_model`.
    """
    _check_name(name)
    return _locate(name, "model_params.txt")


def _check_name(name: str) -> None:
    if name not in MODELS:
        raise InputError(
            "unknown OLGA model",
            found=name,
            expected="one of " + ", ".join(MODELS),
            hint=nearest(name, MODELS),
        )


def _read_anchors(path: Path) -> dict[str, int]:
    """Gene -> anchor; the columns are `gene,anchor_index,function`."""
    rows = [line.split(",") for line in path.read_text().splitlines()[1:] if line.strip()]
    return {row[0].strip(): int(row[1]) for row in rows if row[1].strip().isdecimal()}


def _end(
    side: Side, values: dict[str, list[list[str]]], tables: dict[str, np.ndarray], usage: np.ndarray
) -> GeneEnd:
    choice, deletion = _EVENTS[side]
    genes = [name for name, _ in values[choice]]
    sequences = [sequence.upper() for _, sequence in values[choice]]
    trims = np.array([int(value) for (value,) in values[deletion]])
    ascending = np.argsort(trims)
    return GeneEnd(
        genes,
        [reverse_complement(s) for s in sequences] if side == "j" else sequences,
        usage,
        trims[ascending],
        tables[deletion][:, ascending],
    )


def _locate(model: str, file: str) -> Path:
    try:
        paths = files("olga") or []
    except PackageNotFoundError:
        paths = []
    wanted = ("olga", "default_models", model, file)
    for path in paths:
        if path.parts == wanted:
            return Path(str(path.locate()))
    raise InputError(
        f"the default data needs OLGA's model {model}, which is not installed here",
        hint="pip install 'distrib[olga]'",
    )


def _read_values(path: Path) -> dict[str, list[list[str]]]:
    """Event nickname -> what its values are, by index; the file lists them in any order."""
    events: dict[str, dict[int, list[str]]] = {}
    nickname = ""
    for line in path.read_text().splitlines():
        if line.startswith("@") and line != "@Event_list":
            break
        if line.startswith("#"):
            nickname = line.rsplit(";", 1)[1]
            events[nickname] = {}
        elif line.startswith("%"):
            *value, index = line[1:].split(";")
            events[nickname][int(index)] = value
    return {name: [by[i] for i in range(len(by))] for name, by in events.items()}


def _read_tables(path: Path, wanted: set[str] | None) -> dict[str, np.ndarray]:
    """Event nickname -> its probabilities, with the file's dimensions; of all, where None."""
    shapes: dict[str, tuple[int, ...]] = {}
    rows: dict[str, list[str]] = {}
    nickname = ""
    for line in path.read_text().splitlines():
        if line.startswith("@"):
            nickname = line[1:]
            rows[nickname] = []
        elif line.startswith("$Dim"):
            shapes[nickname] = tuple(int(n) for n in line[5:-1].split(","))
        elif line.startswith("%") and (wanted is None or nickname in wanted):
            rows[nickname].append(line[1:])
    return {
        name: np.array(",".join(rows[name]).split(","), dtype=float).reshape(shapes[name])
        for name in rows
        if wanted is None or name in wanted
    }

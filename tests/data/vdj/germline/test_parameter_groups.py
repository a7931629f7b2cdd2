"""The parameter groups are those of Russell et al. (2025), and only some fit a chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.data.vdj.germline.loci import check_group, find_locus, loci
from distrib.data.vdj.germline.parameter_groups import find_group, parameter_groups
from distrib.errors import InputError

# name: columns of trims, productivity, insertions
TABLE = {
    "nonproductive_v_trim": (("v_trim",), "nonproductive", "all"),
    "nonproductive_j_trim": (("j_trim",), "nonproductive", "all"),
    "nonproductive_v-j_trim": (("v_trim", "j_trim"), "nonproductive", "nonzero"),
    "productive_v-j_trim": (("v_trim", "j_trim"), "productive", "nonzero"),
    "nonproductive_v-j_trim_ligation-mh": (("v_trim", "j_trim"), "nonproductive", "zero"),
    "productive_v-j_trim_ligation-mh": (("v_trim", "j_trim"), "productive", "zero"),
    "both_v-j_trim_ligation-mh": (("v_trim", "j_trim"), "both", "zero"),
    "nonproductive_v-d_trim": (("v_trim", "d5_trim"), "nonproductive", "nonzero"),
    "nonproductive_v-d_trim_ligation-mh": (("v_trim", "d5_trim"), "nonproductive", "zero"),
    "nonproductive_d-j_trim": (("d3_trim", "j_trim"), "nonproductive", "nonzero"),
    "nonproductive_d-j_trim_ligation-mh": (("d3_trim", "j_trim"), "nonproductive", "zero"),
}


def test_all_eleven_are_there() -> None:
    groups = parameter_groups()
    found = {n: (g.trims, g.productivity, g.insertions) for n, g in groups.items()}
    assert found == TABLE
    for name, group in groups.items():
        assert group.ligation == name.endswith("ligation-mh") == (group.insertions == "zero")
        assert [column[0].upper() for column in group.genes] == list(group.segments)
        assert len(group.genes) == len(group.trims)
    d_j = groups["nonproductive_d-j_trim"]
    assert (d_j.left_gene, d_j.right_gene, d_j.junction) == ("d_gene", "j_gene", "dj")
    v = groups["nonproductive_v_trim"]
    assert (v.left_gene, v.right_gene, v.right_trim, v.junction) == ("v_gene", None, None, None)


def test_an_unknown_group_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'nonproductive_v_trim'"):
        find_group("nonproductive_v_trims")


@pytest.mark.parametrize("chain", loci())
@pytest.mark.parametrize("name", TABLE)
def test_a_group_fits_the_chains_that_have_its_junction(name: str, chain: str) -> None:
    group, has_d = find_group(name), chain in ("TRB", "TRD", "IGH")
    if group.junction is None or (group.junction == "vj") != has_d:
        check_group(group, find_locus(chain))
    else:
        with pytest.raises(InputError, match=f"--chain {chain}"):
            check_group(group, find_locus(chain))


def test_a_chain_is_known_in_any_case() -> None:
    assert find_locus("trb").chain == "TRB"
    with pytest.raises(InputError, match="unknown chain"):
        find_locus("TRX")


def test_a_locus_of_ones_own_needs_no_python(tmp_path: Path) -> None:
    file = tmp_path / "locus.yaml"
    file.write_text("IGI: {d: true, tables: [I], max_insertions: 9}\n")
    locus = find_locus(str(file))
    assert (locus.chain, locus.d, locus.max_insertions) == ("IGI", True, 9)
    assert locus.holds("IGIV1*01")
    assert not locus.holds("IGHV1-2*01")


LOCI = {
    "not yaml": ("IGI: [", ["not YAML"]),
    "no keys": ("hello", ["expected a mapping of keys to values"]),
    "two": ("A: {d: true}\nB: {d: true}", ["not one locus", "A, B"]),
    "nothing inside": ("IGI:", ["'IGI'"]),
    "unknown key": ("IGI: {d: true, gene: x}", ["'IGI.gene'", "did you mean 'genes'"]),
    "no d": ("IGI: {genes: x}", ["'IGI.d'", "true or false"]),
    "text": ("IGI: {d: true, max_insertions: many}", ["'IGI.max_insertions'", "'many'"]),
    "no pattern": ("IGI: {d: true, genes: '('}", ["'IGI.genes'", "regular expression"]),
}


@pytest.mark.parametrize("mistake", LOCI)
def test_mistakes_in_a_locus_are_named(tmp_path: Path, mistake: str) -> None:
    content, words = LOCI[mistake]
    (tmp_path / "locus.yaml").write_text(content)
    with pytest.raises(InputError) as told:
        find_locus(str(tmp_path / "locus.yaml"))
    for word in ["locus.yaml", *words]:
        assert word in str(told.value)

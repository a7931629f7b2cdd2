"""Pairs of chains: their files, their planted rule, and their nearest germline."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.antibodies.alphabet import decode
from distrib.data.antibodies.germlines import families_of, nearest_v
from distrib.data.antibodies.pairs.pair_rows import PairRows, pair_rows, simulated_pairs, texts_of
from distrib.data.antibodies.pairs.reading import SEPARATOR, read_pairs
from distrib.data.antibodies.pairs.simulate import FAMILY, LOCUS, PREFERRED, simulate_pairs
from distrib.data.antibodies.words import LENGTH, most_alike, words_of
from distrib.errors import InputError

FRAME = simulate_pairs(300, seed=3)
HEAVY = FRAME["sequence_alignment_aa_heavy"].tolist()
LIGHT = FRAME["sequence_alignment_aa_light"].tolist()


def write_lines(path: Path, pairs: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f"{' '.join(h)} {SEPARATOR} {' '.join(v)}\n" for h, v in pairs))
    return path


def test_every_form_gives_the_same_pairs(tmp_path: Path) -> None:
    """Lines with and without blanks, CSV, parquet of two files, FASTA, a data unit of OAS."""
    heavy, light = HEAVY[:6], LIGHT[:6]
    both = list(zip(heavy, light))
    blanks = write_lines(tmp_path / "blanks.txt", both)
    plain = tmp_path / "plain.txt"
    plain.write_text("".join(f"{h}{SEPARATOR}{v}\n" for h, v in both))
    table = pd.DataFrame({"id": list("abcdef"), "heavy": heavy, "light": light})
    table.to_csv(tmp_path / "t.csv", index=False)
    folder = tmp_path / "parts"
    folder.mkdir()
    for k, part in enumerate((FRAME[:4], FRAME[4:6])):
        part.to_parquet(folder / f"{k}.parquet", index=False)
    fasta = tmp_path / "t.fasta"
    fasta.write_text("".join(f">p{k}_L\n{v}\n>p{k}_H x\n{h}\n" for k, (h, v) in enumerate(both)))
    unit = tmp_path / "run_Paired_All.csv.gz"
    columns = {}
    for chain, sequences in (("heavy", heavy), ("light", light)):
        columns[f"sequence_alignment_aa_{chain}"] = sequences
        columns[f"productive_{chain}"] = ["T"] * 5 + ["F"]
    with gzip.open(unit, "wt") as file:
        file.write('"{""Run"": ""run"", ""Species"": ""human""}"\n')
        pd.DataFrame(columns).to_csv(file, index=False)
    for path in (blanks, plain, tmp_path / "t.csv", folder, fasta, unit):
        found = read_pairs(path)
        num = 5 if path == unit else 6  # the last is not productive
        assert found.heavy.sequences == heavy[:num], path
        assert found.light.sequences == light[:num], path
    assert read_pairs(fasta).light.ids.values.tolist() == [f"p{k}" for k in range(6)]
    assert read_pairs(folder).heavy.ids.values.tolist() == FRAME["sequence_id"][:6].tolist()


@pytest.mark.parametrize(
    ("text", "ending", "told"),
    [
        (f"{HEAVY[0]}{SEPARATOR}{LIGHT[0]}\n{HEAVY[1]}{SEPARATOR}\n", ".txt",
         r"row 2: a pair with one chain missing"),
        (f"{HEAVY[0]}{SEPARATOR}{LIGHT[0]}{SEPARATOR}A\n", ".txt", "more than two chains"),
        (f"id,heavy,light\na,{HEAVY[0]},{LIGHT[0]}\nb,,{LIGHT[1]}\n", ".csv",
         r"row 3, column 'heavy': a pair with one chain missing(.|\n)*no heavy chain"),
        (f"id,heavy\na,{HEAVY[0]}\n", ".csv", "no column of light chains"),
        (f"id,sequence\na,{HEAVY[0]}\n", ".csv", "these are no pairs"),
        (f">a_heavy\n{HEAVY[0]}\n>a_light\n{LIGHT[0]}\n>b_heavy\n{HEAVY[1]}\n", ".fasta",
         r"row 5, column 'light': a pair with one chain missing(.|\n)*no light chain"),
        (f">a\n{HEAVY[0]}\n", ".fasta", "does not say which chain"),
        (f">model\n{HEAVY[0]}\n", ".fasta", "does not say which chain"),
        (f">a_H\n{HEAVY[0]}\n>a_VH\n{HEAVY[1]}\n", ".fasta", "a second heavy chain"),
        (f"id,heavy,light\na,{HEAVY[0]},{LIGHT[0][:9]}1\n", ".csv", r"none of the twenty"),
    ],
)  # fmt: skip
def test_pairs_that_cannot_be_read(tmp_path: Path, text: str, ending: str, told: str) -> None:
    file = tmp_path / f"t{ending}"
    file.write_text(text)
    with pytest.raises(InputError, match=told):
        read_pairs(file)


def test_pairs_with_unknown_letters_are_left_out_whole(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "t.txt", [(HEAVY[0], LIGHT[0]), (HEAVY[1], "X" + LIGHT[1]),
                                            ("B" + HEAVY[2], LIGHT[2])])  # fmt: skip
    left = read_pairs(file, on_unknown="skip")
    assert (left.heavy.sequences, left.light.sequences) == ([HEAVY[0]], [LIGHT[0]])
    assert len(read_pairs(file, on_unknown="x")) == 3


def test_exchanged_chains_are_told_by_their_germline(tmp_path: Path) -> None:
    """Both, or one of them; a pair of its kind passes."""
    pairs = list(zip(HEAVY[:4], LIGHT[:4]))
    pair_rows(read_pairs(write_lines(tmp_path / "good.txt", pairs)))
    for name, row, told in (
        ("both", (LIGHT[2], HEAVY[2]), r"row 3 .*: heavy and light chain are exchanged"),
        ("heavy", (LIGHT[2], LIGHT[3]), r"a light chain where the heavy should be(.|\n)*IG[KL]V"),
        ("light", (HEAVY[2], HEAVY[3]), r"a heavy chain where the light should be(.|\n)*IGHV"),
    ):
        file = write_lines(tmp_path / f"{name}.txt", [*pairs[:2], row])
        with pytest.raises(InputError, match=told):
            pair_rows(read_pairs(file))


def test_the_nearest_germline_is_the_one_it_was_drawn_from() -> None:
    """Of chains a tenth of whose residues are mutated: locus and family always, gene mostly."""
    for chain, sequences in (("heavy", HEAVY), ("light", LIGHT)):
        found = nearest_v(sequences)
        true = np.array([name.split("*")[0] for name in FRAME[f"v_call_{chain}"]])
        assert (found.loci == FRAME[f"locus_{chain}"]).all()
        assert (found.families == families_of(true)).mean() > 0.99
        assert (found.genes == true).mean() > 0.9
    assert families_of(np.array(["IGKV1D-39*01", "IGHV3-23", "IGLV10-54*02"])).tolist() == [
        "IGKV1", "IGHV3", "IGLV10"]  # fmt: skip


def test_words_are_those_of_a_loop_over_the_chains() -> None:
    texts = ["ACDEFACD", "ACXEFG", "AC", "", "WWWW"]

    def words(text: str) -> set[str]:
        parts = {text[i : i + LENGTH] for i in range(len(text) - LENGTH + 1)}
        return {part for part in parts if "X" not in part}

    matrix = words_of(texts)
    shared = (matrix @ matrix.T).toarray()
    for i, a in enumerate(texts):
        for j, b in enumerate(texts):
            assert shared[i, j] == len(words(a) & words(b)), (a, b)
    some, known = HEAVY[:5], HEAVY[5:80]

    def share(a: str, b: str) -> float:
        return len(words(a) & words(b)) / len(words(a) | words(b))

    nearest = [int(np.argmax([share(a, b) for b in known])) for a in some]
    assert most_alike(words_of(some), words_of(known)).tolist() == nearest


def test_light_chains_follow_the_heavy_v_family() -> None:
    """As often as the rule says; every light chain is another."""
    heavy = families_of(FRAME["v_call_heavy"].to_numpy())
    light = families_of(FRAME["v_call_light"].to_numpy())
    preferred = np.array([PREFERRED[family] for family in heavy.tolist()])
    locus = np.array([name[:3] for name in preferred.tolist()]) == FRAME["locus_light"].to_numpy()
    assert abs(locus.mean() - LOCUS) < 4 * np.sqrt(LOCUS * (1 - LOCUS) / len(FRAME))
    # Chains that are not held to the family are of it by chance now and then.
    share = (light == preferred)[locus].mean()
    assert FAMILY - 4 * np.sqrt(FAMILY * (1 - FAMILY) / len(FRAME)) < share < 1
    assert len(set(LIGHT)) == len(LIGHT)
    assert simulate_pairs(300, seed=3).equals(FRAME)


def test_without_the_rule_the_same_chains_are_dealt_at_random() -> None:
    """Mutual information of both families: as after shuffling, far from that of the rule."""
    free = simulate_pairs(300, seed=3, rule=False)
    for chain in ("heavy", "light"):
        column = f"sequence_alignment_aa_{chain}"
        assert sorted(free[column]) == sorted(FRAME[column])
    rng = np.random.default_rng(0)

    def information(frame: pd.DataFrame, order: np.ndarray) -> float:
        heavy, light = (
            np.unique(families_of(frame[f"v_call_{chain}"].to_numpy()), return_inverse=True)[1]
            for chain in ("heavy", "light")
        )
        table = np.bincount(heavy * 50 + light[order], minlength=50 * 50).reshape(50, 50) / 300
        expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
        seen = table > 0
        return float((table[seen] * np.log(table[seen] / expected[seen])).sum())

    same = np.arange(300)
    chance = [information(free, rng.permutation(300)) for _ in range(200)]
    assert np.quantile(chance, 0.005) <= information(free, same) <= np.quantile(chance, 0.995)
    assert information(FRAME, same) > 4 * max(chance)


def test_rows_keep_pairs_groups_and_splits_together(tmp_path: Path) -> None:
    """Clusters and parts of the table's columns; without them equal light chains."""
    rows = simulated_pairs(60, rule=True, mutation_rate=0.05)
    assert isinstance(rows, PairRows)
    part = rows.take(np.array([5, 2]))
    assert part.ids.tolist() == [rows.ids[5], rows.ids[2]]
    assert texts_of(part.heavy) == [texts_of(rows.heavy)[5], texts_of(rows.heavy)[2]]
    assert texts_of(rows.with_heavy(np.arange(60)[::-1]).heavy) == texts_of(rows.heavy)[::-1]
    ends = rows.light.offsets.tolist()
    assert texts_of(rows.light) == [decode(rows.light.tokens[a:b]) for a, b in pairwise(ends)]
    assert rows.describe()["kappa"] == sum(g.startswith("IGK") for g in rows.genes.tolist())
    frame = pd.DataFrame({"heavy": HEAVY[:4], "light": [LIGHT[0], LIGHT[0], LIGHT[1], LIGHT[2]]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    groups = pair_rows(read_pairs(tmp_path / "a.csv")).groups
    assert groups.tolist() == [0, 0, 1, 2]
    frame["cluster"], frame["split"] = (
        ["p", "q", "q", "r"],
        ["train", "validation", "validation", "test"],
    )
    frame.to_csv(tmp_path / "b.csv", index=False)
    found = pair_rows(read_pairs(tmp_path / "b.csv"))
    assert found.groups.tolist() == [0, 1, 1, 2]
    assert found.split is not None
    frame["split"] = ["train", "validation", "train", "test"]
    frame.to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(InputError, match="q"):
        pair_rows(read_pairs(tmp_path / "c.csv"))

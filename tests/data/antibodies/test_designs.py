"""Records of antibodies and antigens: read, refused, encoded, simulated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distrib.data.antibodies.designs.record_rows import CDRH3, LAST, LIGHT, partners, rows_of
from distrib.data.antibodies.designs.records import read_records
from distrib.data.antibodies.designs.simulate import (
    COMPLEMENTS,
    FLANK,
    simulate_records,
    simulated_rows,
)
from distrib.data.antibodies.designs.tokens import END, SEP, text_of
from distrib.errors import InputError

HEAVY = (
    "EVQLLESGGGLVQPGGSLRLSCAASGFTFSSYAMSWVRQAPGKGLEWVSAISGSGGSTYYADSVKGRFTISRDNSKNTLYLQMNSLRAEDTAVYYC"
    "ARDDDYEEWPWYYGMDVWGQGTMVTVS"
)
RECORD = {
    "id": "a",
    "antibody_heavy": HEAVY,
    "antibody_light": "QSALTQPAS",
    "antigen_sequence": "STLQKK",
    "pKd": 8.5,
    "dataset": "x",
}


def written(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "records.json"
    path.write_text(json.dumps(list(records)))
    return path


def test_json_and_csv_give_the_same(tmp_path: Path) -> None:
    records = [RECORD, {**RECORD, "id": "b", "antibody_light": "", "pKd": 7}]
    path = written(tmp_path, *records)
    table = tmp_path / "records.csv"
    pd.DataFrame(records).to_csv(table, index=False)
    one, other = rows_of(read_records(path)), rows_of(read_records(table))
    assert one.describe()["fingerprint"] == other.describe()["fingerprint"]
    assert list(read_records(table).columns) == ["dataset"]


def test_no_records_are_called_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no records") as caught:
        read_records(written(tmp_path))
    assert "missing" not in str(caught.value)


def test_pairs_in_one_column(tmp_path: Path) -> None:
    table = tmp_path / "agab.csv"
    table.write_text(
        f"antibody_sequence,antigen_sequence,pKd\n{HEAVY}|QSAL,STLQ,9\n{HEAVY},STLQ,8\n"
    )
    found = read_records(table)
    assert found.light == ["QSAL", ""]
    assert found.heavy == [HEAVY, HEAVY]


def test_a_frame_is_read_again(tmp_path: Path) -> None:
    found = read_records(written(tmp_path, RECORD))
    found.frame().to_csv(tmp_path / "again.csv", index=False)
    again = read_records(tmp_path / "again.csv")
    assert (again.heavy, again.light, again.pkd.tolist()) == ([HEAVY], ["QSALTQPAS"], [8.5])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"antibody_heavy": ""}, ["record 1, antibody_heavy"]),
        ({"antibody_heavy": "EVQ1"}, ["record 1, antibody_heavy", "'1'"]),
        ({"antigen_sequence": ""}, ["antigen_sequence"]),
        ({"pKd": None}, ["record 1, pKd", "nothing"]),
        ({"pKd": "high"}, ["'high'"]),
        ({"pKd": 21}, ["'21'", "below 20"]),
        ({"pKd": 0}, ["above 0"]),
    ],
)
def test_what_is_refused(tmp_path: Path, change: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_records(written(tmp_path, {**RECORD, **change}))
    assert [word for word in says if word not in str(caught.value)] == []


def test_ids_that_stand_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a"):
        read_records(written(tmp_path, RECORD, RECORD))


def test_broken_json_is_told_by_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('[\n {"antibody_heavy": "EV",}\n]')
    with pytest.raises(InputError, match="line 2, column"):
        read_records(path)


def test_a_missing_key_names_the_record(tmp_path: Path) -> None:
    short = {key: value for key, value in RECORD.items() if key != "pKd"}
    with pytest.raises(InputError, match="record 2"):
        read_records(written(tmp_path, RECORD, {**short, "id": "b"}))


def test_unknown_letters_by_policy(tmp_path: Path) -> None:
    odd = {**RECORD, "id": "b", "antigen_sequence": "STBQ"}
    path = written(tmp_path, RECORD, odd)
    assert read_records(path, on_unknown="x").antigen == ["STLQKK", "STXQ"]
    left = read_records(path, on_unknown="skip")
    assert (left.antigen, len(left.notes)) == (["STLQKK"], 1)


def test_targets_and_their_parts(tmp_path: Path) -> None:
    rows = rows_of(read_records(written(tmp_path, RECORD)))
    assert text_of(rows.antibodies[:-1]) == f"{HEAVY}|QSALTQPAS"
    assert rows.antibodies[-1] == END
    assert rows.parts[-1] == LAST
    assert (rows.antibodies[rows.parts == LIGHT][0], (rows.parts == LIGHT).sum()) == (SEP, 10)
    cdr3 = rows.antibodies[rows.parts == CDRH3]
    assert text_of(cdr3) == "ARDDDYEEWPWYYGMDV"
    heavy = rows_of(read_records(written(tmp_path, RECORD)), light=False)
    assert text_of(heavy.antibodies[:-1]) == HEAVY


def test_taking_rows_takes_all_of_them() -> None:
    rows = simulated_rows(60)
    part = rows.take(np.array([5, 2]))
    for place, row in enumerate((5, 2)):
        for flat, at in (("antigens", "sources"), ("antibodies", "targets"), ("parts", "targets")):
            whole, some = getattr(rows, at), getattr(part, at)
            expected = getattr(rows, flat)[whole[row] : whole[row + 1]]
            assert (getattr(part, flat)[some[place] : some[place + 1]] == expected).all()
        assert part.pkd[place] == rows.pkd[row]


def test_a_partner_is_of_another_group() -> None:
    groups = np.repeat([3, 1, 2], [50, 1, 9])
    found = partners(groups)
    assert (groups[found] != groups).all()
    assert set(groups[found[:50]]) == {1, 2}
    assert partners(np.zeros(4, int)).tolist() == [0, 1, 2, 3]


def test_the_rule_is_planted_by_affinity() -> None:
    records = simulate_records(1500, seed=3)
    plain = simulate_records(1500, rule=False, seed=3)
    assert records.antigen == plain.antigen
    changed = np.array(
        [sum(a != b for a, b in zip(x, y)) for x, y in zip(records.heavy, plain.heavy)]
    )
    strong, weak = records.pkd > 9, records.pkd < 6
    assert changed[strong].mean() > 1.8 * changed[weak].mean() > 0
    rows = rows_of(plain, light=False)
    for i in range(0, 1500, 100):
        inside = np.flatnonzero(rows.parts[rows.targets[i] : rows.targets[i + 1]] == CDRH3)
        different = [k for k, (a, b) in enumerate(zip(records.heavy[i], plain.heavy[i])) if a != b]
        if not len(inside):
            continue  # its CDRH3 cannot be told from the sequence
        inner = inside[FLANK:-FLANK].tolist()
        assert set(different) <= set(inner)
        letters = {records.heavy[i][k] for k in different}
        assert any(letters <= set(words) for words in COMPLEMENTS)


def test_a_simulation_is_that_of_its_seed() -> None:
    one, same, other = (simulated_rows(80, seed=s).describe()["fingerprint"] for s in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("column", [None, "cluster"])
def test_a_record_in_two_splits_is_told_by_its_id_and_the_splits(
    tmp_path: Path, column: str | None
) -> None:
    """Folds and groups are words that the user never wrote."""
    records = [
        {**RECORD, "id": "a", "split": "train", "cluster": "c1"},
        {**RECORD, "id": "b", "split": "train", "antigen_sequence": "STLQ", "cluster": "c2"},
        {**RECORD, "id": "c", "split": "validation", "cluster": "c1"},
    ]
    for record in records:
        if column is None:
            del record["cluster"]
    with pytest.raises(InputError) as caught:
        rows_of(read_records(written(tmp_path, *records)))
    said = str(caught.value)
    same = column or "antigen"
    assert f"record a in train and record c in validation (1 such {same} in all)" in said
    assert f"records of one {same} lie in two splits" in said
    assert "group" not in said and "fold" not in said.replace("records.json", "")

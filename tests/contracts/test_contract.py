"""What every trainable promises, one suite over all of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.errors import InputError
from distrib.study.record.checkpoint import read_state, write_state
from distrib.trainables.base import Progress, State, Trainable
from distrib.trainables.capabilities import (
    ChecksTraining,
    HasBaselines,
    HasExample,
    LimitsBudget,
    LimitsSpace,
    NamesRows,
    count,
    set_aside,
)
from distrib.trainables.training_rows import known_rows, trained_on
from tests.contracts.cases import CASES, Case

pytestmark = pytest.mark.parametrize("case", CASES, ids=str)


def refit(case: Case) -> State:
    items: list[Progress] = list(
        case.family.refit(case.typed(), case.data(), case.worker, case.budget)
    )
    return items[-1].state()


def allowed(case: Case) -> set[str]:
    """The metrics that the data allow."""
    family, data = case.family, case.data()
    unfit = family.unfit(data) if isinstance(family, LimitsSpace) else []
    return {m.name for m in family.metrics} - {u.value for u in unfit if u.name == "metric"}


def same(a: State, b: State) -> bool:
    return (
        a.values == b.values
        and set(a.arrays) == set(b.arrays)
        and all(
            np.array_equal(a.arrays[k], b.arrays[k], equal_nan=a.arrays[k].dtype.kind == "f")
            for k in a.arrays
        )
    )


def test_is_a_documented_trainable(case: Case) -> None:
    family = case.family
    assert isinstance(family, Trainable)
    assert all(f.description for f in family.Config.model_fields.values())
    assert all(f.description for f in family.Source.model_fields.values())
    assert case.typed() == family.Config.model_validate(case.typed().model_dump(mode="json"))
    assert len({m.name for m in family.metrics}) == len(family.metrics) > 0
    assert family.fidelity is None or family.fidelity.config_key in family.Config.model_fields


def test_its_data_are_fit_for_its_defaults(case: Case) -> None:
    family, data = case.family, case.data()
    if isinstance(family, ChecksTraining):
        family.check(case.typed(), data)
    if isinstance(family, LimitsSpace):
        assert all(u.reason for u in family.unfit(data))


def test_reports_every_metric_at_every_unit(case: Case) -> None:
    rows, _ = case.rows()
    assert [row["step"] for row in rows] == list(range(1, case.budget + 1))
    if isinstance(case.family, LimitsBudget):
        assert case.family.budget(case.typed(), case.data()) in (None, case.budget)
    for row in rows:
        for name in allowed(case):
            assert math.isfinite(row[name]), name


def test_a_unit_has_a_model_where_that_may_be_the_last_word(case: Case) -> None:
    family, config = case.family, case.typed()
    if family.refits is None:
        pytest.skip("its models come of training again alone")
    units = [i for i in family.progress(config, case.data(), case.worker) if i.metrics is not None]
    model = units[-1].model
    assert model is not None
    found = family.evaluate(config, model(), case.data(), case.worker)
    assert set(found) >= {metric.name for metric in family.metrics}


def test_equal_seeds_give_equal_runs(case: Case) -> None:
    first, second = case.rows(), case.run()
    assert first[0] == second[0]
    assert same(first[1], second[1])


def test_a_state_survives_the_disk(case: Case, tmp_path: Path) -> None:
    _, state = case.run(stop=2)
    write_state(tmp_path / "state.safetensors", state)
    assert same(read_state(tmp_path / "state.safetensors"), state)


def test_a_resumed_run_equals_the_uninterrupted_one(case: Case, tmp_path: Path) -> None:
    rows, end = case.rows()
    for stop in range(1, case.budget + 1):
        before, state = case.run(stop=stop)
        write_state(tmp_path / "state.safetensors", state)
        after, resumed = ([], state)
        if stop < case.budget:
            after, resumed = case.run(state=read_state(tmp_path / "state.safetensors"))
        assert before + after == rows, f"interrupted after {stop}"
        assert same(resumed, end), f"interrupted after {stop}"


def test_a_tiny_budget_is_enough_for_a_report(case: Case) -> None:
    assert case.family.fidelity is not None
    least = 2 if case.family.fidelity.unit == "fold" else 1
    rows, _ = case.run(**{case.family.fidelity.config_key: least})
    assert len(rows) == least


def test_a_divergence_is_reported_as_it_is(case: Case) -> None:
    if case.diverging is None:
        pytest.skip("a convex model does not diverge")
    rows, _ = case.run(**case.diverging)
    assert any(not math.isfinite(row[case.family.metrics[0].name]) for row in rows)


def test_predicts_a_row_per_row(case: Case) -> None:
    data = case.data()
    frame = case.family.predict(case.typed(), case.trained(), data, case.worker)
    assert len(frame) == (case.predicted(data) if case.predicted else count(case.family, data))
    numbers = frame.select_dtypes("number").to_numpy(dtype=float)
    assert np.isfinite(numbers[~np.isnan(numbers)]).all()


def test_judges_on_every_metric(case: Case) -> None:
    figures = case.family.evaluate(case.typed(), case.trained(), case.data(), case.worker)
    assert allowed(case) <= set(figures)


def test_refits_are_repeatable_and_survive_an_interruption(case: Case, tmp_path: Path) -> None:
    family, data = case.family, case.data()
    end = case.trained()
    assert same(end, refit(case))
    items = family.refit(case.typed(), data, case.worker, case.budget)
    first = next(iter(items)).state()
    write_state(tmp_path / "state.safetensors", first)
    rest = list(
        family.refit(
            case.typed(), data, case.worker, case.budget, read_state(tmp_path / "state.safetensors")
        )
    )
    assert same(rest[-1].state() if rest else first, end)


def test_has_baselines_for_its_objective(case: Case) -> None:
    family = case.family
    assert isinstance(family, HasBaselines)
    rest, test = set_aside(family, case.data(), 0.3, 0)
    found = family.baselines(case.typed(), rest, test, case.worker)
    assert any(family.metrics[0].name in values for values in found.values())
    names = {metric.name for metric in family.metrics}
    assert all(names & set(values) for values in found.values())  # none says nothing


def test_sets_aside_what_is_asked_for(case: Case) -> None:
    family, data = case.family, case.data()
    assert set_aside(family, data, 0.0, 0)[1] is None
    rest, test = set_aside(family, data, 0.3, 0)
    assert 0 < count(family, test) < count(family, rest) < count(family, data)
    assert count(family, test) + count(family, rest) == count(family, data)
    again, _ = set_aside(family, data, 0.3, 0)
    assert again.describe() == rest.describe()


def test_knows_the_rows_it_was_trained_on(case: Case, tmp_path: Path) -> None:
    family = case.family
    rest, test = set_aside(family, case.data(), 0.3, 0)
    if not isinstance(family, NamesRows):
        pytest.skip("its rows have no names")
    known, new = family.row_ids(rest), family.row_ids(test)
    for item in family.refit(case.typed(), rest, case.worker, case.budget):
        write_state(tmp_path / "state.safetensors", item.state())
    state = read_state(tmp_path / "state.safetensors")
    seen, unseen = trained_on(state, known), trained_on(state, new)
    assert seen is not None and unseen is not None
    assert len(seen) == count(family, rest) and seen.all()
    assert len(unseen) == count(family, test) and not unseen.any()
    whole = case.data()
    ids = family.row_ids(whole)
    if {*known.tolist()} <= {*ids.tolist()}:  # else parts of rows were set aside
        rows = known_rows(state, ids, len(whole.groups))
        assert whole.take(rows).describe() == rest.describe()
    else:
        with pytest.raises(InputError, match="not the data that the model was trained on"):
            known_rows(state, ids, len(whole.groups))


def test_the_order_of_the_rows_is_kept(case: Case) -> None:
    data = case.data()
    if not hasattr(data, "take"):
        pytest.skip("the rows of a stream are not taken by their positions")
    order = np.random.default_rng(0).permutation(len(data.groups))
    shuffled = data.take(order)
    before, after = data.groups[order], shuffled.groups  # labels may change, the parts may not
    assert np.array_equal(before[:, None] == before, after[:, None] == after)
    assert data.describe()["fingerprint"] == case.data().describe()["fingerprint"]


def test_its_example_is_data_of_its_form(case: Case, tmp_path: Path) -> None:
    family = case.family
    if not isinstance(family, HasExample):
        pytest.skip("no example data")
    family.example(tmp_path)
    loaded = family.load(family.Source(path=str(tmp_path)))
    assert count(family, loaded) > 10
    unlabelled = family.load(family.Source(path=str(tmp_path)), targets=False)
    frame = family.predict(case.typed(), _fitted(case, loaded), unlabelled, case.worker)
    assert len(frame) >= count(family, unlabelled)


def _fitted(case: Case, data: Any) -> State:
    return list(case.family.refit(case.typed(), data, case.worker, 1))[-1].state()

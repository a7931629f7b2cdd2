"""A study whose driver dies at any write of its ledger ends as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.driver import trials_of
from tests.support.simulate import Killed, Simulation, check_whole, facts, killed_at, toy_plan

pytestmark = pytest.mark.usefixtures("random_clock")

SPACES: dict[str, dict[str, Any]] = {
    "asha": {"settings": {"scheduler": "asha"}},
    "hyperband": {"settings": {"scheduler": "hyperband"}},
    "median": {"settings": {"scheduler": "median", "trials": 9}},
    "grid": {"parameters": {"height": [0.2, 0.5, 0.9]}, "settings": {"trials": 7}},
    "failures": {"parameters": {"kind": {"choice": ["curve", "nan", "bug", "silent"]}}},
}


def writes(simulation: Simulation) -> int:
    """How often an uninterrupted study writes its ledger."""
    count = 0
    real = simulation.ledger.file._write

    def counting(content: bytes) -> None:
        nonlocal count
        count += 1
        real(content)

    simulation.ledger.file._write = counting  # type: ignore[method-assign]
    simulation.drive()
    simulation.close()
    return count


def resumed(simulation: Simulation, deaths: list[tuple[int, float]], order: int = 0) -> None:
    """Run a study whose drivers die one after the other, then one that lives."""
    for write, part in deaths:
        with killed_at(write, part):
            try:
                simulation.open()
                simulation.drive(order)
            except Killed:
                pass
            else:
                simulation.close()
        order += 1
    simulation.run(order)


SAME_WRITES = ("hyperband", "median", "grid")  # by other rules: the writes are asha's
NAMES = [
    pytest.param(name, marks=[pytest.mark.exhaustive] if name in SAME_WRITES else [])
    for name in SPACES
]


@pytest.mark.parametrize("name", NAMES)
def test_a_death_at_every_write_changes_nothing(name: str, tmp_path: Path) -> None:
    plan = toy_plan(**SPACES[name], sampler="random", seed=3)
    whole = Simulation(plan, tmp_path / "whole")
    whole.open()
    count = writes(whole)
    expected = facts(whole.search)
    for write in range(1, count + 1):
        torn = Simulation(plan, tmp_path / f"at-{write}")
        resumed(torn, [(write, (write % 4) / 4 if write > 1 else 0.0)])
        check_whole(torn)
        assert facts(torn.search) == expected


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    deaths=st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0.0, 1.0])), max_size=6),
    actors=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_no_trial_is_lost_or_repeated(
    deaths: list[tuple[int, float]],
    actors: int,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    plan = toy_plan(seed=seed, settings={"trials": 6})
    study = Simulation(plan, tmp_path_factory.mktemp("study"), actors)
    resumed(study, deaths, seed)
    check_whole(study)
    # A trial is given out again only for a driver's death.
    again = sum(Counter(study.ran).values()) - plan.trials
    assert again <= actors * len(deaths)


def test_an_ended_trial_does_not_run_again(tmp_path: Path) -> None:
    study = Simulation(toy_plan(seed=1), tmp_path)
    study.open()
    study.drive(until=lambda search: len(search.study.trials) == 5)
    study.close()
    ended = {t.number for t in study.ledger.frozen() if t.state.is_finished()}
    before = {n: (tmp_path / "trials" / f"{n:04d}" / "metrics.csv").read_bytes() for n in ended}
    assert ended
    study.ran.clear()
    study.run()
    assert ended.isdisjoint(study.ran)
    for number, content in before.items():
        assert (tmp_path / "trials" / f"{number:04d}" / "metrics.csv").read_bytes() == content


def test_more_trials_can_be_asked_for_later(tmp_path: Path) -> None:
    whole = Simulation(toy_plan(trials=10, seed=2), tmp_path / "whole").run()
    raised = Simulation(toy_plan(trials=6, seed=2), tmp_path / "raised")
    raised.run()
    raised.plan = toy_plan(trials=10, seed=2)
    assert facts(raised.run()) == facts(whole)


def test_an_unfinished_trial_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.families.toys import Curve

    begun_at: list[int] = []
    real = Curve.progress

    def watched(self: Curve, config: Any, data: Any, worker: Any, state: Any = None) -> Any:
        begun_at.append(0 if state is None else state.values["step"])
        return real(self, config, data, worker, state)

    monkeypatch.setattr(Curve, "progress", watched)
    study = Simulation(toy_plan(trials=1, scheduler="none"), tmp_path)
    study.open()
    study.drive(until=lambda search: search.study.trials[0].fidelity >= 6)
    study.close()
    study.run()
    assert begun_at[0] == 0
    assert begun_at[1] > 0
    check_whole(study)


@pytest.mark.parametrize("left", [None, ""])
def test_a_configuration_that_a_loss_of_power_took_is_written_again(
    left: str | None, tmp_path: Path
) -> None:
    """Also of a trial that a resume has only to end."""
    plan = toy_plan({"kind": "nan"}, trials=2, sampler="random", scheduler="none", seed=1)
    whole = Simulation(plan, tmp_path / "whole")
    whole.open()
    for write in range(2, writes(whole)):
        study = Simulation(plan, tmp_path / str(write))
        with killed_at(write + 1), pytest.raises(Killed):
            study.open()
            study.drive()
        for config in study.path.glob("trials/*/config.yaml"):
            if left is None:
                config.unlink()
            else:
                config.write_text(left)
        ended = {t.number for t in trials_of(study.path) if t.state.is_finished()}
        study.run()
        for number in {0, 1} - ended:
            path = Path("trials") / f"{number:04d}" / "config.yaml"
            assert (study.path / path).read_text() == (whole.path / path).read_text()

"""A study that cannot begin leaves no folder; one that can is held until its end."""

from __future__ import annotations

import errno
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distrib.cluster import shared
from distrib.errors import InputError
from distrib.records import TrialRecord
from distrib.study.driver import place as places
from distrib.study.driver.place import Opened, Place, begin_study, new_record, resume_study
from distrib.study.driver.study_file import read_study
from tests.support.simulate import toy_plan


def begun(stack: ExitStack, out: Path, **how: Any) -> Opened:
    plan = toy_plan(trials=3)
    facts = {"fingerprint": "a"}
    return begin_study(stack, plan, Place(out), [{"height": 0.5}], facts, [], shared=False, **how)


def test_a_study_is_held_and_goes_on_with_the_same_data(tmp_path: Path) -> None:
    plan = toy_plan(trials=5)
    with ExitStack() as stack:
        folder = begun(stack, tmp_path).folder
        with pytest.raises(InputError, match="another driver"), folder.locked():
            pass
    stored = read_study(folder.study_yaml)
    with ExitStack() as stack:
        with pytest.raises(InputError, match=r"data have changed(.|\n)*found: +b"):
            resume_study(stack, plan, folder, stored, {"fingerprint": "b"}, shared=False)
        again = resume_study(stack, plan, folder, stored, {"fingerprint": "a"}, shared=False)
        assert again.record.num_trials == 5
        assert again.ledger.waiting == 1
    assert read_study(folder.study_yaml)["search"]["trials"] == 5


def test_a_full_disk_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(places, "write_study", full)
    with pytest.raises(OSError, match="No space"), ExitStack() as stack:
        begun(stack, tmp_path / "runs")
    assert not list((tmp_path / "runs").iterdir())


class Nodes:
    """Ray, so far as `check_shared` needs it: of two nodes that work, the second is elsewhere."""

    def __init__(self, blind: bool, late: bool) -> None:
        self.blind, self.late = blind, late

    def nodes(self) -> list[dict[str, Any]]:
        names = [
            ("a", True, {"CPU": 1}),
            ("b", True, {"CPU": 1}),
            ("c", False, {}),
            ("d", True, {}),
        ]
        return [
            {"NodeID": n, "NodeManagerAddress": f"host-{n}", "Alive": alive, "Resources": has}
            for n, alive, has in names
        ]

    def remote(self, **options: Any) -> Any:
        return lambda function: self

    def options(self, label_selector: dict[str, str]) -> Any:
        self.node = label_selector["ray.io/node-id"]
        return type("Task", (), {"remote": lambda task, folder, node=self.node: (node, folder)})()

    def wait(self, tasks: list[Any], **how: Any) -> tuple[list[Any], list[Any]]:
        return ([t for t in tasks if t[0] == "a"], tasks[1:]) if self.late else (tasks, [])

    def get(self, task: tuple[str, str]) -> bool:
        return shared._sees(task[1]) and not (self.blind and task[0] == "b")


@pytest.mark.parametrize(("blind", "late"), [(True, False), (False, True)])
def test_a_node_that_does_not_see_the_folder_is_named_and_none_is_left(
    blind: bool, late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = toy_plan(), tmp_path / "runs"
    monkeypatch.setattr(shared, "ray", Nodes(blind, late))
    message = r"--out: not every node sees(.|\n)*on host-b\n"
    with pytest.raises(InputError, match=message), ExitStack() as stack:
        begin_study(stack, plan, Place(out), [], {}, [], shared=True)
    assert not list(out.iterdir())


def test_nodes_that_see_the_folder_are_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "ray", Nodes(False, False))
    with ExitStack() as stack:
        opened = begin_study(stack, toy_plan(), Place(tmp_path), [], {}, [], shared=True)
        assert opened.folder.study_yaml.is_file()


def test_a_budget_that_is_searched_is_each_trials_own() -> None:
    assert new_record(toy_plan(), "toy").budget_key is None
    record = new_record(toy_plan({"epochs": {"randint": [3, 9]}}), "toy")
    assert (record.budget_key, record.max_budget) == ("epochs", 9)
    short = TrialRecord(0, "COMPLETE", {"epochs": 4}, fidelity=4)
    assert record.spent_whole(short)
    assert not record.spent_whole(replace(short, fidelity=3))

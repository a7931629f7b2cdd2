"""One study on three hosts through what befalls them: it loses no trial, repeats none, and ends.

A link is cut for half a minute, a host loses its Ray and gets it back, another is cut off for good,
and at last the head is lost: a new cluster goes on from the storage that they share.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from distrib.trial_files import read_metrics
from tests.support import hosts
from tests.support.driver import ended_trials, trials_of, write_space
from tests.support.ray_cluster import LEFT
from tests.support.three_hosts import Cluster, three_hosts, until

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(410)]

TRIALS, EPOCHS = 24, 9
FIRST, SECOND = 1, 2  # the workers
RAYLET = "raylet/raylet"
ACTOR = "ray::ResourceTrainable"  # the process of a trial


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with three_hosts() as made:
        yield made


def test_a_study_outlives_links_hosts_and_the_head(cluster: Cluster) -> None:
    shared = cluster.folder / "shared"
    study = shared / "runs" / "toy"
    write_space(shared / "toy.yaml", {"pause": 0.6}, trials=TRIALS, scheduler="none")
    tune = "python -m distrib.tune --allow-custom --address auto"
    first = f"{tune} --space {shared}/toy.yaml --out {study.parent} --name toy"

    come(cluster)
    with ThreadPoolExecutor(1) as beside:
        words = f"{first} --checkpoint-every 1 > {shared}/said 2>&1"
        running = Running(beside.submit(cluster.ray, "exec", words, code=None), study)
        try:
            running.at_work(FIRST, SECOND)

            hosts.cut(SECOND)
            time.sleep(30)
            hosts.heal(SECOND)
            running.more(2)
            assert hosts.processes(SECOND, RAYLET), "half a minute is no reason to leave"

            (raylet,) = hosts.processes(FIRST, RAYLET)
            hosts.end(raylet)
            hosts.cut(SECOND)  # for good
            until(lambda: not hosts.processes(FIRST, ACTOR), 60)
            running.at_work(FIRST)  # the autoscaler has started Ray there again
            running.more(2)
        finally:
            hosts.kill(cluster.folder, 0)
    said = running.said()
    before = {t.number for t in trials_of(study) if t.state.name == "COMPLETE"}
    assert len(before) >= 4, said

    hosts.kill(cluster.folder, SECOND)
    for number in (0, SECOND):
        hosts.again(cluster.folder, number)
    # The machine is a new one, and Ray believes that it has set it up.
    (forget,) = re.findall(r"has nothing of this cluster.*\n.*rm (\S+),", cluster.doctor())
    Path(forget).unlink()
    come(cluster)
    said = cluster.ray("exec", f"{tune} --resume {study}")
    assert "ray down" in said
    trials = trials_of(study)
    assert [t.state.name for t in trials] == ["COMPLETE"] * TRIALS, said
    for trial in trials:
        rows = read_metrics(study / "trials" / f"{trial.number:04d}" / "metrics.csv")
        assert [row["step"] for row in rows] == list(range(1, EPOCHS + 1))
        began = (study / "trials" / f"{trial.number:04d}" / "console.log").read_text()
        assert began.count("begins") <= 4

    (shared / "left.py").write_text(f"import ray\nray.init('auto')\nexpected = 'nothing'\n{LEFT}")
    assert "nothing" in cluster.ray("exec", f"python {shared}/left.py").splitlines()


def come(cluster: Cluster) -> None:
    """`ray up`, until Ray runs on all hosts."""
    cluster.ray("up")
    until(lambda: all(hosts.processes(n, RAYLET) for n in range(hosts.COUNT)), 120)


@dataclass(frozen=True)
class Running:
    """A study on the cluster: the command that runs it, and its folder."""

    command: Future[str]
    study: Path

    def said(self) -> str:
        """What its driver has said."""
        return (self.study.parents[1] / "said").read_text()

    def at_work(self, *numbers: int) -> None:
        """Wait until a trial runs on each of these hosts."""
        self._until(lambda: all(hosts.processes(number, ACTOR) for number in numbers))

    def more(self, count: int) -> None:
        """Wait until so many further trials have ended."""
        wanted = ended_trials(self.study) + count
        self._until(lambda: ended_trials(self.study) >= wanted)

    def _until(self, there: Callable[[], bool]) -> None:
        until(lambda: self.command.done() or there(), 150, self.said)
        assert not self.command.done(), self.said()

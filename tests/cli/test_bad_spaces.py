"""Every mistake in a space, told at the command: its key, what was found and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.study.driver import loading
from distrib.tune import main

# What the file says under `parameters`, and words that the message must hold.
TOY = b"trainable: tests.families.toys:Curve\n"

PARAMETERS: dict[str, tuple[str, list[str]]] = {
    "log from 0": ("rate: {loguniform: [0, 1]}", ["parameters.rate", "[0, 1]", "above 0"]),
    "log below 0": ("rate: {loguniform: [-1, 1]}", ["parameters.rate", "above 0"]),
    "integer log from 0": ("epochs: {lograndint: [0, 9]}", ["parameters.epochs", "1 or above"]),
    "low above high": ("height: {uniform: [1, 0]}", ["parameters.height", "[1, 0]", "above the"]),
    "three ends": ("height: {uniform: [0, 1, 2]}", ["parameters.height", "[low, high]"]),
    "no ends": ("height: {uniform: 3}", ["parameters.height", "found:    3", "[low, high]"]),
    "words as ends": ("height: {uniform: [a, b]}", ["parameters.height", "not two numbers"]),
    "truth as an end": ("height: {uniform: [false, 1]}", ["parameters.height", "not two numbers"]),
    "infinite end": ("height: {uniform: [0, .inf]}", ["parameters.height", "not finite"]),
    "end that is no number": ("height: {uniform: [.nan, 1]}", ["parameters.height", "not finite"]),
    "broken integers": ("epochs: {randint: [1, 2.5]}", ["parameters.epochs", "not integers"]),
    "empty choice": ("kind: {choice: []}", ["parameters.kind", "at least one value"]),
    "empty grid": ("kind: []", ["parameters.kind", "at least one value"]),
    "choice of nothing": ("kind: {choice: curve}", ["parameters.kind", "curve", "a list"]),
    "value twice": ("rate: [0.1, 0.2, '0.1']", ["parameters.rate", "duplicate value", "0.1"]),
    "true beside 1": ("options: [1, true]", ["parameters.options", "duplicate value"]),
    "list twice": (
        "options: {choice: [[1, 2], [1, 2]]}",
        ["parameters.options", "duplicate value"],
    ),
    "step with log": (
        "rate: {loguniform: [0.1, 1], step: 0.1}",
        [
            "space.yaml, parameters.rate: a log range takes no step, as in Optuna",
            "found:    {loguniform: [0.1, 1], step: 0.1}",
            "expected: {uniform: [0.1, 1], step: 0.1}, or {loguniform: [0.1, 1]} without a step",
        ],
    ),
    "step with integer log": (
        "epochs: {lograndint: [1, 9], step: 2}",
        ["parameters.epochs", "takes no step", "{randint: [1, 9], step: 2}, or {lograndint"],
    ),
    "step 0": ("height: {uniform: [0, 1], step: 0}", ["parameters.height.step", "above 0"]),
    "step too wide": ("height: {uniform: [0, 1], step: 2}", ["parameters.height", "at most 1"]),
    "broken step": ("epochs: {randint: [1, 9], step: 1.5}", ["parameters.epochs", "1.5"]),
    "step of a choice": ("kind: {choice: [curve], step: 1}", ["parameters.kind", "only a range"]),
    "step of a const": ("kind: {const: curve, step: 1}", ["parameters.kind", "only a range"]),
    "unknown kind": (
        "height: {unifrom: [0, 1]}",
        ["parameters.height", "found:    unifrom", "uniform | loguniform", "'uniform'?"],
    ),
    "function": ("height: {sample_from: 'lambda spec: 1'}", ["parameters.height", "sample_from"]),
    "grid_search of Tune": ("rate: {grid_search: [1, 2]}", ["parameters.rate", "grid_search"]),
    "two kinds": ("height: {uniform: [0, 1], choice: [0]}", ["parameters.height", "exactly one"]),
    "no kind": ("height: {}", ["parameters.height", "exactly one", "nothing"]),
    "only a condition": ("height: {when: {kind: curve}}", ["parameters.height", "exactly one"]),
    "condition on nobody": (
        "height: {uniform: [0, 1], when: {knd: bug}}\n  kind: [curve, bug]",
        ["parameters.height.when", "found:    knd", "'kind'?"],
    ),
    "condition that never holds": (
        "height: {uniform: [0, 1], when: {kind: nan}}\n  kind: [curve, bug]",
        ["parameters.height.when", "['nan']", "['curve', 'bug']"],
    ),
    "condition without a value": (
        "height: {uniform: [0, 1], when: kind}",
        ["parameters.height.when", "{other: value}"],
    ),
    "circular conditions": (
        "height: {uniform: [0, 1], when: {rate: 1}}\n  rate: {uniform: [1, 2], when: {height: 1}}",
        ["when", "height, rate", "circular conditions"],
    ),
    "condition on itself": (
        "height: {uniform: [0, 1], when: {height: 1}}",
        ["when", "circular conditions"],
    ),
    "key twice": (
        "height: 0.1\n  height: 0.2",
        ["line 4", "duplicate key 'height'"],
    ),
    "key twice inside": ("height: {uniform: [0, 1], uniform: [0, 2]}", ["line 3", "uniform"]),
    "unknown parameter": ("hieght: 0.5", ["parameters.hieght", "height", "'height'?"]),
    "beyond the bounds": ("height: {uniform: [0, 2]}", ["height", "2", "less than or equal to 1"]),
    "one value beyond": ("epochs: [3, 0]", ["epochs", "found:    0", "greater than or equal to 1"]),
    "of another type": ("epochs: many", ["epochs", "'many'", "integer"]),
    "half an epoch": ("epochs: [1.5, 2]", ["epochs", "1.5", "integer"]),
    "Python object": ("height: !!python/name:os.system", ["line 3", "not YAML", "python/name"]),
    "Python call": (
        "height: !!python/object/apply:os.system ['true']",
        ["line 3", "not YAML"],
    ),
    "unknown tag": ("height: !uniform [0, 1]", ["line 3", "not YAML"]),
    "no number among the values": ("options: [.nan, 1]", ["parameters.options", "nan"]),
    "set": ("options: [!!set {a, b}]", ["parameters.options", "plain"]),
    "date": ("options: [2024-01-02]", ["parameters.options", "2024"]),
}

FILES: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["a space is a mapping", "found:    an empty file"]),
    "list": (b"- a\n- b\n", ["a space is a mapping", "found:    a list"]),
    "text": (b"mlp\n", ["a space is a mapping", "str"]),
    "two documents": (b"a: 1\n---\nb: 2\n", ["not YAML"]),
    "not YAML": (b"parameters: [1, 2\n", ["not YAML", "line 2"]),
    "tab": (b"parameters:\n\theight: 1\n", ["not YAML", "line 2"]),
    "not UTF-8": (b"trainable: m\xfcp\n", ["not UTF-8", "byte 12"]),
    "binary": (b"\x00\x01\x02", ["not YAML"]),
    "no family": (b"parameters: {height: 1}\n", ["'trainable' is missing"]),
    "no parameters": (
        b"trainable: tests.families.toys:Curve\n",
        ["'parameters' is missing"],
    ),
    "family of a number": (b"trainable: 3\nparameters: {}\n", ["trainable", "found:    3"]),
    "unknown family": (b"trainable: mpl\nparameters: {}\n", ["mpl", "'mlp'?"]),
    "missing module": (b"trainable: no.such:Thing\nparameters: {}\n", ["no.such:Thing"]),
    "missing class": (
        b"trainable: tests.families.toys:Cruve\nparameters: {}\n",
        ["tests.families.toys:Cruve"],
    ),
    "not a family": (b"trainable: os:getcwd\nparameters: {}\n", ["os:getcwd", "subclass"]),
    "parameters in a list": (
        b"trainable: tests.families.toys:Curve\nparameters: [height]\n",
        ["parameters", "not a mapping"],
    ),
    "data in a list": (
        b"trainable: tests.families.toys:Curve\ndata: [x]\nparameters: {}\n",
        ["data", "not a mapping"],
    ),
    "unknown key": (
        b"trainable: tests.families.toys:Curve\nparamters: 1\nparameters: {}\n",
        ["paramters", "no such key", "'parameters'?"],
    ),
    "unknown data option": (
        b"trainable: tests.families.toys:Curve\ndata: {pth: x}\nparameters: {}\n",
        ["data.pth", "path"],
    ),
    "unknown scheduler": (
        b"trainable: tests.families.toys:Curve\nscheduler: ahsa\nparameters: {}\n",
        ["space.yaml, scheduler", "ahsa", "'asha'?"],
    ),
    "no trials": (
        TOY + b"trials: 0\nparameters: {height: {uniform: [0, 1]}}\n",
        ["trials", "found:    0"],
    ),
    "trials in words": (
        TOY + b"trials: many\nparameters: {height: {uniform: [0, 1]}}\n",
        ["trials", "many"],
    ),
    "trials in words, of a grid": (
        b"trainable: tests.families.toys:Curve\ntrials: many\nparameters: {height: [0.5, 1]}\n",
        ["space.yaml, trials", "many"],
    ),
    "factor in words": (
        b"trainable: tests.families.toys:Curve\nreduction_factor: three\nparameters: {}\n",
        ["reduction_factor", "three"],
    ),
    "factor that stops nobody": (
        b"trainable: tests.families.toys:Curve\nreduction_factor: 1\nparameters: {}\n",
        ["reduction_factor", "found:    1"],
    ),
    "no grace": (
        b"trainable: tests.families.toys:Curve\ngrace: 0\nparameters: {}\n",
        ["grace", "found:    0"],
    ),
    "unknown metric": (
        b"trainable: tests.families.toys:Curve\nmetric: scroe\nparameters: {}\n",
        ["scroe", "score, loss", "'score'?"],
    ),
}

SPACES: dict[str, tuple[bytes, list[str]]] = {
    **{
        name: (
            f"trainable: tests.families.toys:Curve\nparameters:\n  {text}\n".encode(),
            words,
        )
        for name, (text, words) in PARAMETERS.items()
    },
    **FILES,
}

# Sentences that say both what was found and what was expected.
WHOLE = ("this is not YAML: ", "duplicate key ", "this is not UTF-8 text")


@pytest.mark.parametrize("name", SPACES)
def test_bad_spaces(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def started(*args: object, **kwargs: object) -> None:
        raise AssertionError("Ray was started")

    content, words = SPACES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "connected", started)
    Path("space.yaml").write_bytes(content)
    assert main(["--space", "space.yaml", "--allow-custom"]) == 2
    said = capsys.readouterr().err
    place = said.partition(": ")[2].partition(": ")[0]
    assert place.startswith("space.yaml")
    for word in words:
        assert word in said
    if not any(sentence in said for sentence in WHOLE):
        assert "\n  found:    " in said
        assert "\n  expected: " in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["space.yaml"]


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("trials: many", ("--trials", "1")),
        ("sampler: tep", ("--sampler", "tpe")),
        ("scheduler: aasha", ("--scheduler", "none")),
        ("metric: scor", ("--metric", "score")),
    ],
)
def test_a_mistake_is_told_where_the_command_says_otherwise(
    says: str,
    words: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    space = f"{TOY.decode()}{says}\nparameters: {{height: {{uniform: [0, 1]}}}}\n"
    Path("space.yaml").write_text(space)
    assert main(["--space", "space.yaml", "--allow-custom", *words]) == 2
    assert f"space.yaml, {says.partition(':')[0]}: " in capsys.readouterr().err
    assert not Path("runs").exists()

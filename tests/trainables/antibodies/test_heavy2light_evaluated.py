"""A finished heavy2light beside what simple models reach on the same pairs."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("Bio.Align")

from distrib import evaluate
from distrib.data.antibodies.alignment import compare
from distrib.data.antibodies.pairs.pair_rows import PairRows, texts_of
from distrib.data.antibodies.pairs.simulate import simulate_pairs
from distrib.errors import InputError
from distrib.study.driver.model import build_model, open_model
from distrib.study.record.checkpoint import read_state, write_state
from distrib.trainables.antibodies.heavy2light.compared import looked_at
from distrib.trainables.base import State

SMALL = {"encoder_hidden_size": 16, "decoder_hidden_size": 16, "encoder_heads": 2,
         "decoder_heads": 2, "epochs": 1, "samples": 4}  # fmt: skip
TRAINED = 40  # of 60 pairs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`all.csv`, `new.csv` with the pairs that the model in `best/` was not trained on."""
    folder = tmp_path_factory.mktemp("pairs")
    table = simulate_pairs(60)
    table.to_csv(folder / "all.csv", index=False)
    table[TRAINED:].to_csv(folder / "new.csv", index=False)
    model = build_model("heavy2light", **SMALL)
    from_file = type(model)(
        model.family, model.config, model.source.elsewhere(str(folder / "all.csv")), model.worker,
        name=model.name,
    )  # fmt: skip
    from_file.train(from_file.load().take(np.arange(TRAINED))).save(folder / "best")
    return folder


def unigram_loss(train: PairRows, judged: PairRows) -> float:
    """Nats a token by frequencies of the twenty residues and of ends, as if each came once more."""
    letters = Counter("".join(f"{text}$" for text in texts_of(train.light)))
    kinds = 21
    total = sum(letters.values()) + kinds
    said = "".join(f"{text}$" for text in texts_of(judged.light))
    return sum(-math.log((letters[c] + 1) / total) for c in said) / len(said)


def nearest_blosum(train: PairRows, judged: PairRows) -> float:
    """The mean score of the light chain whose heavy chain shares most words of three letters."""

    def words(text: str) -> set[str]:
        return {text[i : i + 3] for i in range(len(text) - 2)}

    known = [words(text) for text in texts_of(train.heavy)]
    scores = []
    for heavy, light in zip(texts_of(judged.heavy), texts_of(judged.light)):
        own = words(heavy)
        nearest = int(np.argmax([len(own & other) / len(own | other) for other in known]))
        scores.append(compare(texts_of(train.light)[nearest], light).score)
    return float(np.mean(scores))


def test_they_learn_from_the_rows_it_was_trained_on_alone(folder: Path) -> None:
    model = open_model(folder / "best")
    whole, new = model.load(), model.load(str(folder / "new.csv"))
    found = model.baselines(new)
    train = whole.take(np.arange(TRAINED))
    assert found["unigram"]["loss"] == pytest.approx(unigram_loss(train, new), rel=1e-9)
    assert unigram_loss(whole, new) != pytest.approx(unigram_loss(train, new), rel=1e-6)
    assert found["position-wise unigram"]["loss"] < found["unigram"]["loss"]
    assert found["nearest heavy chain's light chain"]["blosum"] == pytest.approx(
        nearest_blosum(train, looked_at(new, 4))
    )
    assert set(found["random light chain"]) < set(model.evaluate(new))
    assert not any(metric.startswith("test/") for v in found.values() for metric in v)


def test_the_command_shows_them_below_the_score(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(folder / "best"), "--data", str(folder / "new.csv")]
    assert evaluate.main([*words, "--baselines"]) == 0
    said = capsys.readouterr().out
    own, *others = said.split("baseline: ")
    assert own.startswith("loss ")
    assert [text.partition("\n")[0] for text in others] == [
        "unigram",
        "position-wise unigram",
        "random light chain",
        "nearest heavy chain's light chain",
    ]
    assert "  locus_agreement" in others[3]
    assert evaluate.main(words) == 0
    assert capsys.readouterr().out == own


def test_what_they_cannot_learn_from_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main([str(folder / "best"), "--baselines"]) == 2
    assert "--data: baselines are judged on other data" in capsys.readouterr().err
    model = open_model(folder / "best")
    new = model.load(str(folder / "new.csv"))

    (folder / "all.csv").rename(folder / "away.csv")
    try:
        words = [str(folder / "best"), "--data", str(folder / "new.csv"), "--baselines"]
        assert evaluate.main(words) == 2
        out, err = capsys.readouterr()
        assert "loss" not in out
        assert f"{folder / 'all.csv'}: no such file" in err
        assert "baselines learn from the data that the model was trained on" in err
        rows = simulate_pairs(60)
        rows[1:].to_csv(folder / "all.csv", index=False)
        with pytest.raises(InputError, match="1 of the 40 rows that it knows are missing") as one:
            model.baselines(new)
        assert str(folder / "all.csv") in str(one.value)
    finally:
        (folder / "away.csv").replace(folder / "all.csv")

    state = read_state(folder / "best" / "weights.safetensors")
    arrays = {name: a for name, a in state.arrays.items() if name != "training_rows"}
    write_state(tmp_path / "weights.safetensors", State(arrays, state.values))
    (tmp_path / "config.yaml").write_text((folder / "best" / "config.yaml").read_text())
    with pytest.raises(InputError, match="does not say which rows it was trained on"):
        open_model(tmp_path).baselines(new)


def test_a_family_without_any_says_so() -> None:
    with pytest.raises(InputError, match="this family has no baselines"):
        build_model("tests.families.toys:Curve").baselines(None)

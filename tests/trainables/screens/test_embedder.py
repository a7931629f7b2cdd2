"""What encoders give is looked at: NaN, equal rows, buffers that they compute themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

from safetensors.torch import load_file, save_file

from distrib.errors import InputError
from distrib.models.screens.encoders import load_encoder, small_encoder, write_encoder
from distrib.trainables.screens.ia3.embedder import Embedder
from distrib.trainables.screens.ia3.family import Ia3
from tests.support.bert_encoders import write_bert
from tests.support.small_screens import small_screen

SEQUENCES, IDS = np.array([b"ACGTACGTAACC", b"TTTTGGGGCCCC"]), ["n0", "n1"]


def embed(folder: Path, notes: list[str] | None = None, **options: str) -> np.ndarray:
    embedder = Embedder(str(folder), **options)  # type: ignore[arg-type]
    return embedder.embed(SEQUENCES, IDS, lambda done, left: None, "nuc.csv", notes)


def change(folder: Path, name: str, row: int, value: float) -> None:
    weights = load_file(folder / "model.safetensors")
    (found,) = [key for key in weights if key.endswith(name)]
    weights[found][row] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_an_embedding_that_is_not_finite_names_row_and_weights(tmp_path: Path) -> None:
    write_bert(tmp_path, list("ACGTN"))
    change(tmp_path, "word_embeddings.weight", 5, float("nan"))  # A
    with pytest.raises(InputError, match="embeddings that are not finite") as told:
        embed(tmp_path)
    text = str(told.value)
    assert "nuc.csv, row n0" in text and "not finite for n0;" in text
    assert "the weights of embeddings.word_embeddings.weight are not" in text


def test_weights_that_touch_no_row_are_told(tmp_path: Path) -> None:
    write_bert(tmp_path, list("ACGTN"))
    change(tmp_path, "word_embeddings.weight", 9, float("inf"))  # N, which is in no row
    notes: list[str] = []
    assert np.isfinite(embed(tmp_path, notes)).all()
    assert any("embeddings.word_embeddings.weight" in note for note in notes)


def test_an_overflow_of_half_precision_is_named(tmp_path: Path) -> None:
    write_bert(tmp_path, list("ACGTN"))
    weights = load_file(tmp_path / "model.safetensors")
    weights = {
        k: (w * 6e4 if "embeddings.LayerNorm" in k else w).half() for k, w in weights.items()
    }
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "dtype": "float16"}))
    with pytest.raises(InputError, match="not finite") as told:
        embed(tmp_path)
    assert "half precision may overflow" in str(told.value)


def test_a_search_refuses_weights_that_are_not_finite(tmp_path: Path) -> None:
    write_encoder(small_encoder(), tmp_path)
    change(tmp_path, "word_embeddings.weight", 4, float("nan"))
    config = Ia3.Config(encoder=str(tmp_path))
    with pytest.raises(InputError, match="weights that are not finite") as told:
        Ia3().check(config, small_screen())
    assert "word_embeddings.weight" in str(told.value)


def test_the_same_embedding_for_all_is_refused(tmp_path: Path) -> None:
    write_bert(tmp_path, list("ACGTN"), num_hidden_layers=0)  # the first token sees no other
    assert np.ptp(embed(tmp_path, pool="mean"), axis=0).any()
    with pytest.raises(InputError, match="the same embedding") as told:
        embed(tmp_path, pool="cls")
    assert "--pool mean" in str(told.value)


CODE = """
import torch
from transformers import BertModel, BertConfig
class MyConfig(BertConfig):
    model_type = "my-dna"
class MyModel(BertModel):
    config_class = MyConfig
    def __init__(self, config, **more):
        super().__init__(config, **more)
        self.register_buffer("table", %s)
        self.post_init()
    def forward(self, *args, **more):
        output = super().forward(*args, **more)
        output.last_hidden_state = output.last_hidden_state * self.table
        return output
"""


def own_code(folder: Path, table: str) -> Path:
    """A folder of a network with code of its own, whose weights do not bring its buffer."""
    write_bert(folder, list("ACGTN"))
    (folder / "modeling_my.py").write_text(CODE % table)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "my-dna", "architectures": ["MyModel"],
               "auto_map": {"AutoConfig": "modeling_my.MyConfig",
                            "AutoModel": "modeling_my.MyModel"}}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_buffer_that_the_network_computes_need_not_be_there(tmp_path: Path) -> None:
    folder = own_code(tmp_path / "own", "torch.arange(1.0, 17.0)")
    write_bert(tmp_path / "plain", list("ACGTN"))
    own = load_encoder(str(folder), trust_remote_code=True)
    np.testing.assert_array_equal(own.network.table.numpy(), np.arange(1.0, 17.0))
    found = Embedder(str(folder), trust_remote_code=True).embed(
        SEQUENCES, IDS, lambda done, left: None
    )
    np.testing.assert_allclose(found, embed(tmp_path / "plain") * np.arange(1, 17), rtol=1e-5)


def test_a_buffer_at_random_is_missed(tmp_path: Path) -> None:
    folder = own_code(tmp_path, "torch.rand(16)")
    with pytest.raises(InputError, match="not all there") as told:
        load_encoder(str(folder), trust_remote_code=True)
    assert "no weights for table" in str(told.value)


def test_a_folder_with_code_needs_no_revision(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        load_encoder(str(own_code(tmp_path, "torch.ones(16)")))
    assert "--trust-remote-code" in str(told.value) and "--revision" not in str(told.value)

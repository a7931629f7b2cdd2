"""Weights that a training begins from: those of a finished model, or of someone else's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "weights.safetensors"
PICKLED = (".pt", ".pth", ".bin", ".ckpt")
SHOWN = 3  # keys of a mistake that are told

Keys = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Sizes = Callable[[Mapping[str, Any]], Mapping[str, int]]


def begin_with(model: nn.Module, place: str, keys: Keys, sizes: Sizes = lambda tensors: {}) -> None:
    """Give a network the weights and buffers of a file.

    Args:
        place: a `best/` folder; a `.safetensors` file, such as the `weights.safetensors` of one; or
            a `.pt` file of torch, of which nothing but tensors and plain values is read.
        keys: the tensors of someone else's file under the network's own names.
        sizes: of a network by its tensors, as a configuration calls them.

    Raises:
        InputError: no such file, or one without the network's weights: what is of another size, or
            else the first key at fault is named, with what was found and what was expected.
    """
    path = Path(place)
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            "no such file", file=file, where="init", expected=f"a best/ folder, or {_kinds()}"
        )
    found = read_weights(file, keys)
    _check_sizes(sizes(found), sizes(model.state_dict()), file)
    _check(found, model.state_dict(), file)
    model.load_state_dict(dict(found))


def read_weights(file: Path, keys: Keys) -> Mapping[str, Any]:
    """The tensors of a file by the network's names."""
    if file.suffix == ".safetensors":
        return _of_safetensors(file, keys)
    if file.suffix in PICKLED:
        return keys(_of_torch(file))
    raise InputError(
        "unsupported file extension",
        file=file,
        where="init",
        found=file.suffix or "none",
        expected=_kinds(),
    )


def _of_safetensors(file: Path, keys: Keys) -> Mapping[str, Any]:
    import safetensors

    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            own = "state" in (opened.metadata() or {})  # as states are written here
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(
            "these weights cannot be read", file=file, where="init", found=str(error)
        ) from None
    if not own:
        return keys(tensors)
    return {
        name.removeprefix("model."): tensor
        for name, tensor in tensors.items()
        if name.startswith("model.")
    }


def _of_torch(file: Path) -> Mapping[str, Any]:
    import torch

    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, by what the file is instead
        raise InputError(
            "these weights cannot be read",
            file=file,
            where="init",
            found=(str(error).strip().splitlines() or [type(error).__name__])[0],
            expected="tensors and plain values alone, as torch.save(model.state_dict()) writes",
        ) from None
    if not isinstance(content, Mapping):
        raise InputError(
            "no mapping of names to tensors",
            file=file,
            where="init",
            found=type(content).__name__,
            expected="what torch.save(model.state_dict()) writes",
        )
    return content


def _check_sizes(found: Mapping[str, int], expected: Mapping[str, int], file: Path) -> None:
    other = [name for name, size in expected.items() if found.get(name, size) != size]
    if other:
        raise InputError(
            "these weights are of a network of another size",
            file=file,
            where="init",
            found=", ".join(f"{name} {found[name]}" for name in other),
            expected=", ".join(f"{name} {expected[name]}" for name in other),
            hint="the sizes that it was trained with, or weights of this size",
        )


def _check(found: Mapping[str, Any], expected: Mapping[str, Tensor], file: Path) -> None:
    import torch

    def fault(problem: str, names: list[str], told: str, wanted: str) -> InputError:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return InputError(
            f"these weights are not of this network: {problem}",
            file=file,
            where=f"init: {', '.join(names[:SHOWN])}{more}",
            found=told,
            expected=wanted,
            hint="the same architecture, or the family's own map of such keys",
        )

    if missing := [name for name in expected if name not in found]:
        known = ", ".join([*found][:SHOWN]) + (", ..." if len(found) > SHOWN else "")
        shape = _shape(expected[missing[0]])
        raise fault("keys are missing", missing, known or "no tensors", f"{missing[0]} {shape}")
    if unexpected := [name for name in found if name not in expected]:
        told = f"{unexpected[0]} {_shape(found[unexpected[0]])}"
        raise fault("unexpected keys", unexpected, told, f"the {len(expected)} keys of the network")
    other = [
        name
        for name, tensor in expected.items()
        if not isinstance(found[name], torch.Tensor) or found[name].shape != tensor.shape
    ]
    if other:
        name = other[0]
        raise fault("of another shape", other, _shape(found[name]), _shape(expected[name]))


def _shape(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else str(tuple(shape))


def _kinds() -> str:
    return f"a file that ends in .safetensors or {', '.join(PICKLED)}"

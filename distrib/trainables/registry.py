"""Families by name: the house's own, and the user's `package.module:Class`."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from distrib.errors import InputError, nearest
from distrib.trainables.base import Trainable
from distrib.trainables.capabilities import check_members
from distrib.trainables.preimport import settle

FAMILIES = {
    "mlp": "distrib.trainables.screens.mlp.family:Mlp",
    "mlp_pairs": "distrib.trainables.screens.pairs.family:MlpPairs",
    "lel": "distrib.trainables.screens.lel.family:LatentEmbedding",
    "xgboost": "distrib.trainables.screens.xgboost.family:Xgboost",
    "ia3": "distrib.trainables.screens.ia3.family:Ia3",
    "segmenter_trees": "distrib.trainables.behaviour.trees.family:Trees",
    "segmenter": "distrib.trainables.behaviour.segmenter.family:Segmenter",
    "trimming": "distrib.trainables.vdj.trimming.family:Trimming",
    "trimming_ligation": "distrib.trainables.vdj.ligation.family:TrimmingLigation",
    "trimming_ligation_em": "distrib.trainables.vdj.ligation.em:TrimmingLigationEm",
    "mlm": "distrib.trainables.antibodies.mlm.family:Mlm",
    "clm": "distrib.trainables.antibodies.clm.family:Clm",
    "heavy2light": "distrib.trainables.antibodies.heavy2light.family:LightFromHeavy",
    "seq2seq": "distrib.trainables.antibodies.seq2seq.family:AntibodyGenerator",
}


def look_beside(file: str | Path) -> None:
    """Find the user's families also beside a space's file, here and in processes begun later.

    Nothing that is found elsewhere is hidden by what lies there.
    """
    _look_in(Path(file).absolute().parent)


def _look_in(place: Path) -> None:
    folder = str(place)
    if folder not in sys.path:
        sys.path.append(folder)
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if folder not in places:
        os.environ["PYTHONPATH"] = os.pathsep.join([*filter(None, places), folder])


@cache
def load_family(name: str, *, allow_custom: bool = False) -> Trainable[Any, Any, Any]:
    """The family of this name.

    Raises:
        InputError: no such family, or a class of the user's without leave to run it.
    """
    settle()  # its module may import the framework
    path = FAMILIES.get(name, name)
    module, _, attribute = path.partition(":")
    if not attribute:
        raise InputError(
            "no such family",
            where="trainable",
            found=name,
            expected=f"one of {', '.join(FAMILIES)}, or package.module:Class",
            hint=nearest(name, FAMILIES),
        )
    if name not in FAMILIES and not allow_custom:
        raise InputError(
            "this space runs code of its own",
            where="trainable",
            found=name,
            hint="if you trust it, add --allow-custom",
        )
    if name not in FAMILIES:
        with suppress(FileNotFoundError):  # the folder may be gone
            _look_in(Path.cwd())  # where `python -m` looks by itself, and a console script does not
    top = module.partition(".")[0]
    try:
        family = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(
            "this family cannot be imported",
            where="trainable",
            found=f"{name} ({error})",
            expected="package.module:Class, there to be imported",
            hint=_where_to(module) if getattr(error, "name", None) == top else None,
        ) from None
    if not (isinstance(family, type) and issubclass(family, Trainable)):
        raise InputError(
            "not a family",
            where="trainable",
            found=name,
            expected="a subclass of distrib.trainables.base.Trainable",
        )
    made = family()
    check_members(made)
    return made


def _where_to(module: str) -> str:
    top, dot, _ = module.partition(".")
    what = f"the package {top}/" if dot else f"{top}.py"
    return f"put {what} beside the space's file, or into the folder you start from"

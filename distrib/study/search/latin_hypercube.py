"""A random start that leaves nothing out: a Latin hypercube (McKay, Beckman and Conover 1979).

Of n configurations, each nth part of every range has one, and every choice its share. Of ten that
are drawn freely, one of two choices has at most two in a tenth of all studies: where these fail, be
it for their other values, a search may not come back to it.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
from optuna.distributions import BaseDistribution

from distrib.study.search.unit_space import UnitSpace


def value_of(name: str, d: BaseDistribution, number: int, count: int, study_seed: int) -> Any:
    """What configuration `number` of `count` has in one dimension.

    It follows from the arguments alone: dimensions need not be known together, nor in an order.
    """
    random = np.random.default_rng([study_seed, crc32(name.encode())])
    part, within = random.permutation(count)[number], random.random(count)[number]
    unit_space = UnitSpace({name: d})
    return unit_space.params(unit_space.at(np.array([[(part + within) / count]]))[0])[name]

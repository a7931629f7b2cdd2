"""A family of streams that tells where it computes, and over what its workers talk."""

from __future__ import annotations

from torch import distributed, nn
from torch.optim import Optimizer

from tests.families.gpu_family import tell
from tests.families.stream_family import Net, NetConfig


class Group(Net):
    """Tells it as a training begins."""

    def optimizer(self, config: NetConfig, model: nn.Module) -> Optimizer:
        place = next(model.parameters()).device
        tell(place=str(place), talk=distributed.get_backend_config())
        return super().optimizer(config, model)

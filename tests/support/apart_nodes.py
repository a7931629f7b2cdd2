"""Ray's simulated machines for its autoscaler, each with a folder of its own as hosts have it.

Ray's own share one, where the agent of a node that comes replaces the shipped code under the feet
of the others' processes. Read by the autoscaler, in a process of Ray's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ray._private.parameter import RayParams
from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider


class ApartNodes(FakeMultiNodeProvider):  # type: ignore[misc]
    """Nodes on this machine, under `provider.folder`."""

    def _create_node_with_resources_and_labels(self, *args: Any, **options: Any) -> Any:
        folder = tempfile.mkdtemp(prefix="n", dir=Path(self.provider_config["folder"]))

        def apart(**given: Any) -> RayParams:
            return RayParams(**given, temp_dir=folder)

        with patch("ray._private.parameter.RayParams", apart):
            return super()._create_node_with_resources_and_labels(*args, **options)

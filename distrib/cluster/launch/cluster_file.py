"""A file that starts a cluster, with the line of everything in it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distrib.cluster.check import Check
from distrib.errors import InputError
from distrib.safe_yaml import Keys, line_numbers, read_yaml_file

CLOUDS = ("aws", "gcp", "azure", "aliyun", "vsphere")
PLACEHOLDER = "CHANGE-ME"


@dataclass(frozen=True)
class ClusterFile:
    """Such a file: Ray's launcher's, or a RayCluster of KubeRay's.

    Attributes:
        content: what it says. lines: the line of each of its values.
    """

    path: Path
    content: dict[str, Any]
    lines: dict[Keys, int]

    @property
    def kuberay(self) -> bool:
        """Whether Kubernetes reads it."""
        return "apiVersion" in self.content

    @property
    def provider(self) -> str:
        """`aws`, `gcp`, `local`, ..."""
        return str(self.get("provider", "type"))

    def get(self, *keys: str | int, default: Any = None) -> Any:
        """The value at the end of these keys, or the default."""
        value: Any = self.content
        for key in keys:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return default
        return default if value is None else value

    def line(self, *keys: str | int) -> int:
        """The line of what stands at these keys, or of the nearest thing around it."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def fault(self, keys: Keys, problem: str, mend: str) -> Check:
        """What must be mended before the cluster can start, or is safe."""
        return Check(f"line {self.line(*keys)}", problem, mend, fault=True)

    def advice(self, keys: Keys, problem: str, mend: str) -> Check:
        """What should better be otherwise."""
        return Check(f"line {self.line(*keys)}", problem, mend)

    def values(self) -> Iterator[tuple[Keys, Any]]:
        """Every value that is no mapping or list."""

        def visit(value: Any, keys: Keys) -> Iterator[tuple[Keys, Any]]:
            if isinstance(value, dict):
                for key, below in value.items():
                    yield from visit(below, (*keys, str(key)))
            elif isinstance(value, list):
                for index, below in enumerate(value):
                    yield from visit(below, (*keys, index))
            else:
                yield keys, value

        return visit(self.content, ())

    def commands(self, key: str) -> list[tuple[Keys, str]]:
        """Shell commands of a section, for all nodes and of the types of nodes."""
        found: list[tuple[Keys, str]] = []
        types = self.get("available_node_types", default={})
        places = [(key,), *(("available_node_types", str(name), key) for name in types)]
        for place in places:
            listed = self.get(*place, default=[])
            if isinstance(listed, list):
                found += [((*place, n), str(text)) for n, text in enumerate(listed)]
        return found


def read_cluster_file(path: Path) -> ClusterFile:
    """The file at a path.

    Raises:
        InputError: it is no YAML, or nothing of the kind.
    """
    if not path.is_file():
        raise InputError("no such file", file=path, hint="cluster.yaml and deploy/ hold examples")
    content = read_yaml_file(path)
    if not isinstance(content, dict) or not ({"provider", "apiVersion"} & content.keys()):
        raise InputError(
            "this starts no cluster",
            file=path,
            expected="provider: (a file of `ray up`), or apiVersion: (one of KubeRay's)",
        )
    return ClusterFile(path, content, line_numbers(path.read_text("utf-8-sig")))


def ray_schema() -> dict[str, Any]:
    """Ray's own description of the launcher's files; Ray itself is not imported for it."""
    spec = importlib.util.find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    return json.loads((Path(spec.origin).parent / "autoscaler" / "ray-schema.json").read_text())

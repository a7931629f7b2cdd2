"""What is wrong in a RayCluster of KubeRay's, each with its line and the way to mend it."""

from __future__ import annotations

from collections.abc import Iterator

from distrib.cluster.check import Check
from distrib.cluster.launch.cluster_file import ClusterFile
from distrib.cluster.launch.rules import placeholders
from distrib.errors import nearest
from distrib.safe_yaml import Keys

# The fields of ray.io/v1 (KubeRay's raycluster_types.go) down to the pods, which are Kubernetes'.
SPEC = {"headGroupSpec", "workerGroupSpecs", "rayVersion", "enableInTreeAutoscaling",
        "autoscalerOptions", "headServiceAnnotations", "suspend"}  # fmt: skip
AUTOSCALER = {"resources", "image", "imagePullPolicy", "env", "envFrom", "volumeMounts",
              "securityContext", "idleTimeoutSeconds", "upscalingMode"}  # fmt: skip
HEAD = {"serviceType", "headService", "enableIngress", "rayStartParams", "template"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "numOfHosts", "rayStartParams",
           "template", "scaleStrategy"}  # fmt: skip


def kuberay_checks(file: ClusterFile) -> Iterator[Check]:
    """Everything that the file alone tells."""
    if file.get("apiVersion") != "ray.io/v1" or file.get("kind") != "RayCluster":
        yield file.fault(("apiVersion",), "no RayCluster of ray.io/v1",
                         "apiVersion: ray.io/v1 and kind: RayCluster")  # fmt: skip
        return
    yield from placeholders(file)
    groups = file.get("spec", "workerGroupSpecs", default=[])
    head: Keys = ("spec", "headGroupSpec")
    workers: list[Keys] = [("spec", "workerGroupSpecs", n) for n in range(len(groups))]
    yield from _known(file, ("spec",), SPEC)
    yield from _known(file, ("spec", "autoscalerOptions"), AUTOSCALER)
    yield from _known(file, head, HEAD)
    for keys in workers:
        yield from _known(file, keys, WORKERS)
        least, most = file.get(*keys, "minReplicas", default=0), file.get(*keys, "maxReplicas")
        if most is not None and least > most:
            yield file.fault((*keys, "minReplicas"), f"minReplicas: {least} is more than {most}",
                             "at most maxReplicas")  # fmt: skip
    for keys in (head, *workers):
        yield from _pod(file, keys)
    service = file.get(*head, "serviceType", default="ClusterIP")
    if service != "ClusterIP" or file.get(*head, "enableIngress"):
        yield file.fault((*head, "serviceType"), f"the head is reachable from outside ({service})",
                         "serviceType: ClusterIP, and kubectl port-forward")  # fmt: skip
    host = file.get(*head, "rayStartParams", "dashboard-host", default="0.0.0.0")
    if host not in ("127.0.0.1", "localhost"):
        yield file.fault((*head, "rayStartParams", "dashboard-host"),
                         f"the dashboard is public: it listens on {host}",
                         "dashboard-host: 127.0.0.1, and kubectl port-forward")  # fmt: skip
    if file.get("spec", "enableInTreeAutoscaling"):
        if not file.get("spec", "autoscalerOptions", "idleTimeoutSeconds"):
            yield file.fault(("spec", "enableInTreeAutoscaling"), "no idle time-out",
                             "autoscalerOptions: {idleTimeoutSeconds: 600}")  # fmt: skip
        yield from _token(file, ("spec", "autoscalerOptions"))


def _known(file: ClusterFile, keys: Keys, known: set[str]) -> Iterator[Check]:
    for key in file.get(*keys, default={}):
        if key not in known:
            hint = nearest(str(key), known) or f"one of: {', '.join(sorted(known))}"
            yield file.fault((*keys, str(key)), f"KubeRay knows no {key!r} here", hint)


def _pod(file: ClusterFile, keys: Keys) -> Iterator[Check]:
    spec: Keys = (*keys, "template", "spec")
    container: Keys = (*spec, "containers", 0)
    if not file.get(*container):
        yield file.fault(keys, "no container", "template: {spec: {containers: [...]}}")
        return
    yield from _token(file, container)
    names = {v.get("name") for v in file.get(*spec, "volumes", default=[])}
    mounted = [m.get("name") for m in file.get(*container, "volumeMounts", default=[])]
    shared = [v for v in file.get(*spec, "volumes", default=[]) if "persistentVolumeClaim" in v
              or "nfs" in v]  # fmt: skip
    if not shared:
        yield file.fault(container, "no shared storage: no volume of a claim or of NFS",
                         "volumes: and volumeMounts: as in deploy/kuberay.yaml")  # fmt: skip
    for name in mounted:
        if name not in names:
            yield file.fault((*container, "volumeMounts"), f"no volume {name!r}", "add it")


def _token(file: ClusterFile, keys: Keys) -> Iterator[Check]:
    env = {e.get("name"): e for e in file.get(*keys, "env", default=[])}
    if env.get("RAY_AUTH_MODE", {}).get("value") != "token":
        yield file.fault((*keys, "env"), "this process requires no token",
                         "env: {name: RAY_AUTH_MODE, value: token}")  # fmt: skip
    token = env.get("RAY_AUTH_TOKEN", {})
    if token.get("value"):
        yield file.fault((*keys, "env"), "the token stands in the file", "valueFrom: a secret")
    elif "secretKeyRef" not in token.get("valueFrom", {}):
        yield file.fault((*keys, "env"), "this process is given no token",
                         "RAY_AUTH_TOKEN from a secretKeyRef")  # fmt: skip

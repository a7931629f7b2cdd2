"""Says what this machine has, or what ails a study or a cluster: `python -m distrib.doctor`."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from distrib.cli.command import BAD_INPUT, DONE, Parser, add_shared, folder, run_command
from distrib.cluster.check import Check
from distrib.errors import InputError

EXAMPLES = """\
python -m distrib.doctor
python -m distrib.doctor --out /data/runs --address auto
python -m distrib.doctor runs/mlp-0
python -m distrib.doctor runs/mlp-0 --rebuild-ledger
python -m distrib.doctor cluster.yaml"""


def main(argv: Sequence[str] | None = None) -> int:
    """Look at the machine; the exit code is 2 where something must be mended."""
    parser = Parser(
        "doctor",
        "Versions, CPUs, GPUs, memory, disk and ports of a machine; or whether a study can go on; "
        "or a cluster's file, and the cluster once it runs.",
        EXAMPLES,
    )
    parser.add_argument(
        "study",
        nargs="?",
        type=folder,
        help="look at this study's folder instead, or at the file that starts a cluster",
    )
    parser.add_argument(
        "--rebuild-ledger",
        action="store_true",
        help="make the study's ledger again, of what its trials' own files hold",
    )
    add_shared(parser, "--allow-custom")
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR", help="where studies will be kept"
    )
    parser.add_argument("--address", help="also look at this Ray cluster, such as auto")
    add_shared(parser, "--debug")
    return run_command(doctor, parser, argv)


def doctor(args: argparse.Namespace) -> int:
    """Print a line per check, advice below it, and a verdict."""
    if args.study is not None and args.study.suffix in (".yaml", ".yml"):
        return look_at_cluster(args.study)
    if args.study is not None:
        return look_at_study(args)
    if args.rebuild_ledger:
        raise InputError("which study?", where="--rebuild-ledger", expected="its folder before it")
    from distrib.cluster.machine import checks

    amiss = print_checks(checks(args.out, cluster=args.address is not None))
    if args.address:
        from distrib.cluster.connect import connected

        with connected(args.address) as cluster:
            print(
                f"{'cluster':14s} {cluster.nodes} nodes, {cluster.cpus:g} CPUs, "
                f"{cluster.gpus:g} GPUs at {cluster.address}"
            )
    if amiss:
        print("some of this must be mended before a study can run")
        return BAD_INPUT
    print("next: python -m distrib.tune --space mlp")
    return DONE


def print_checks(found: Iterable[Check]) -> int:
    """Print each as it is found; how many are faults."""
    amiss = 0
    for check in found:
        print(f"{check.name:14s} {check.found}", flush=True)
        if check.advice:
            print(f"{'':14s} -> {check.advice}", flush=True)
        amiss += check.fault
    return amiss


def look_at_cluster(path: Path) -> int:
    """A file that starts a cluster, its hosts, and the cluster where it runs."""
    from distrib.cluster.launch.cluster_file import read_cluster_file
    from distrib.cluster.launch.doctor import cluster_checks
    from distrib.cluster.launch.running import port_forwards

    file = read_cluster_file(path)
    print(f"looking at {path}")
    amiss = print_checks(cluster_checks(file))
    storage = str(file.get("metadata", "storage", default=""))
    if not amiss and "://" in storage and not file.kuberay:
        from distrib.study.record.object_store import check_store

        try:
            check_store(storage)
            print(f"{'storage':14s} {storage} can be read and written from here")
        except InputError as error:
            line = f"line {file.line('metadata', 'storage')}"
            amiss += print_checks([Check(line, str(error).replace("\n", "\n" + " " * 15),
                                         fault=True)])  # fmt: skip
    if amiss:
        print(f"{amiss} to mend in {path}, or on its hosts")
        return BAD_INPUT
    print("to look at it from here, once it runs:")
    for line in port_forwards(file):
        print(f"  {line}")
    if file.kuberay:
        print(f"next: kubectl apply -f {path}; in the end: kubectl delete -f {path}")
    else:
        print(f"next: ray up {path}; in the end: ray down {path}")
    return DONE


def look_at_study(args: argparse.Namespace) -> int:
    """Whether a study can go on, or its ledger made again."""
    from dataclasses import replace

    from distrib.api.resuming import resumed_plan
    from distrib.study.driver.recovery.rebuild_ledger import rebuild_ledger
    from distrib.study.driver.recovery.resumable import check_resumable
    from distrib.study.record.run_folder import open_run_folder

    study = open_run_folder(args.study, ledger=not args.rebuild_ledger)
    with study.locked():
        plan, stored = resumed_plan(
            study, lambda options: replace(options, allow_custom=args.allow_custom)
        )
        try:
            check_resumable(study, stored, plan.space)
            print("its ledger is whole, and knows every trial that left a folder")
        except InputError as error:
            if not args.rebuild_ledger:
                raise
            print(f"its ledger cannot be used:\n{error}")
            for line in rebuild_ledger(study, stored, plan):
                print(line)
    leave = " --allow-custom" if args.allow_custom else ""
    print(f"next: python -m distrib.tune --resume {shlex.quote(str(args.study))}{leave}")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())

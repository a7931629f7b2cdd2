"""Says what this machine has: `python -m distrib.doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from distrib.cli.command import BAD_INPUT, DONE, Parser, run_command

EXAMPLES = """\
python -m distrib.doctor
python -m distrib.doctor --out /data/runs --address auto"""


def main(argv: Sequence[str] | None = None) -> int:
    """Look at the machine; the exit code is 2 where something must be mended."""
    parser = Parser(
        "doctor", "Versions, CPUs, GPUs, memory, disk and ports of a machine.", EXAMPLES
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR", help="where studies will be kept"
    )
    parser.add_argument("--address", help="also look at this Ray cluster, such as auto")
    parser.add_argument("--debug", action="store_true", help="tracebacks")
    return run_command(doctor, parser, argv)


def doctor(args: argparse.Namespace) -> int:
    """Print a line per check, advice below it, and a verdict."""
    from distrib.cluster.machine import checks

    amiss = 0
    for check in checks(args.out, cluster=args.address is not None):
        print(f"{check.name:14s} {check.found}")
        if check.advice:
            print(f"{'':14s} -> {check.advice}")
        amiss += check.fault
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


if __name__ == "__main__":
    raise SystemExit(main())

"""The list of commands: `python -m distrib --help`; `distrib tune` is `python -m distrib.tune`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from distrib.cli.command import mute

COMMANDS = {
    "tune": "search for good hyperparameters",
    "train": "train one configuration",
    "evaluate": "judge a trained model on data",
    "predict": "write a trained model's predictions",
    "generate": "draw new samples from a trained model",
    "compare": "a leaderboard across studies",
    "watch": "follow a running study",
    "prepare": "write data in the form that --data takes",
    "doctor": "look at this machine",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Go through the command that the first argument names; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        try:
            print(usage(), flush=True)
        except BrokenPipeError:
            mute(sys.stdout)
        return 0
    if words[0] == "--version":
        from distrib import __version__

        print(__version__)
        return 0
    if words[0] not in COMMANDS:
        from distrib.errors import InputError, nearest

        error = InputError("no such command", found=words[0], hint=nearest(words[0], COMMANDS))
        print(f"error: {error}\n\n{usage()}", file=sys.stderr)
        return 2
    sys.argv = [words[0], *words[1:]]
    return importlib.import_module(f"distrib.{words[0]}").main(words[1:])


def usage() -> str:
    """The commands, a line each."""
    lines = [f"  python -m distrib.{verb:9s} {purpose}" for verb, purpose in COMMANDS.items()]
    return "\n".join(
        [
            "distrib tunes the sequence models of immunology and genomics.",
            "",
            *lines,
            "",
            "Every command has --help with examples. The first thing to try:",
            "  python -m distrib.tune --space mlp",
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())

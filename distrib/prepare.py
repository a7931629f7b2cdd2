"""The door to preparing data: `python -m distrib.prepare example --space mlp --out my_screen/`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from distrib._door import DONE, Parser, enter
from distrib.errors import InputError

EXAMPLES = """\
python -m distrib.prepare example --space mlp --out my_screen/
python -m distrib.prepare example --space trimming --out my_counts/"""


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare data; the exit code."""
    parser = Parser("prepare", "Write data in the form that --data takes.", EXAMPLES)
    parser.add_argument("what", choices=["example"], help="a small example of a family's own form")
    parser.add_argument("--space", required=True, metavar="NAME|FILE")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="a folder that does not exist yet, or is empty",
    )
    parser.add_argument("--allow-custom", action="store_true")
    parser.add_argument("--debug", action="store_true", help="tracebacks")
    return enter(example, parser, argv)


def example(args: argparse.Namespace) -> int:
    """Write the family's example into a new folder."""
    from distrib.study.registry import load_family
    from distrib.study.space_file import find_space

    family = load_family(find_space(args.space).trainable, allow_custom=args.allow_custom)
    folder: Path = args.out
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            "there is something already",
            where="--out",
            found=folder,
            expected="a new or empty folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        family.example(folder)
    except InputError:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
    for file in sorted(folder.iterdir()):
        print(f"{file}  {file.stat().st_size:,} bytes")
    print(f"next: python -m distrib.tune --space {args.space} --data {folder}")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())

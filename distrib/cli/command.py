"""What every command shares: arguments, errors without a traceback, exit codes."""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from distrib.cluster.interruption import ended_like_ctrl_c
from distrib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

DONE, BAD_INPUT, NO_SUCCESS, INTERRUPTED = 0, 2, 3, 130

SHARED: dict[str, dict[str, Any]] = {
    "--allow-custom": {
        "action": "store_true",
        "help": "run the code that a model or a space names as package.module:Class",
    },
    "--on-long": {
        "choices": ("error", "truncate"),
        "help": "inputs longer than the model's context: refused, or cut and counted; without it: "
        "as the model was trained",
    },
    "--debug": {"action": "store_true", "help": "tracebacks"},
}
"""Options of commands that are no search; those of a search: `study.plan.options`."""

_OPTION = re.compile(r"--[a-z][a-z-]*")
_NEGATIVE = re.compile(r"-[\d.]")


class Parser(argparse.ArgumentParser):
    """Arguments as people expect them: examples in the help, mistakes told in two lines."""

    def __init__(self, verb: str, purpose: str, examples: str) -> None:
        super().__init__(
            prog=f"python -m distrib.{verb}",
            description=purpose,
            epilog="examples:\n" + "\n".join(f"  {line}" for line in examples.splitlines()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """A value such as `-5s` stays one, where argparse sees another option in it."""
        words: list[str] = []
        for word in sys.argv[1:] if args is None else args:
            if _NEGATIVE.match(word) and words and _OPTION.fullmatch(words[-1]):
                words[-1] += f"={word}"
            else:
                words.append(word)
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        raise InputError(message, hint=f"{self.prog} --help")


def add_shared(parser: argparse._ActionsContainer, *names: str) -> None:
    """Add options of `SHARED`."""
    for name in names:
        parser.add_argument(name, **SHARED[name])


def mute(stream: TextIO) -> None:
    """From now on, what is written goes nowhere; so does what the stream still holds."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Lasting:
    """Standard output of work that goes on when its reader is gone: a closed pipe or terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._outlived():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._outlived():
            self._stream.flush()

    @contextmanager
    def _outlived(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
            mute(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def run_command(
    command: Callable[[argparse.Namespace], int], parser: Parser, argv: Sequence[str] | None
) -> int:
    """Parse, call the command, and turn what happens into an exit code."""
    debug = "--debug" in (sys.argv if argv is None else argv)
    try:
        with ended_like_ctrl_c():
            return command(parser.parse_args(argv))
    except InputError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        mute(sys.stdout)
        return DONE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if debug:
            raise
        print(f"error: {error.filename or 'the disk'}: {error.strerror or error}", file=sys.stderr)
        return BAD_INPUT


def folder(text: str) -> Path:
    """A study's folder; a URL is refused by name."""
    if "://" in text:
        raise argparse.ArgumentTypeError(f"a folder is needed, copy the study here first: {text}")
    return Path(text)


def duration(text: str) -> float:
    """Seconds out of ``90``, ``90s``, ``15m``, ``2h`` or ``1d``."""
    from distrib.api.options import seconds

    try:
        return seconds(text)
    except InputError:
        raise argparse.ArgumentTypeError(f"not a time such as 90s, 15m, 2h: {text!r}") from None


def setting(text: str) -> tuple[str, Any]:
    """`key=value` of `--set`; the value is read as YAML."""
    from distrib.safe_yaml import read_yaml
    from distrib.study.space.space_file import number

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"not key=value: {text!r}")
    try:
        return key.strip(), number(read_yaml(value, f"--set {key}"))
    except InputError as error:  # a ValueError, of which argparse would only say "invalid"
        raise argparse.ArgumentTypeError(str(error)) from None


def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The settings as a mapping; a duplicate key is refused."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError("this key is set twice", where="--set", found=key)
        found[key] = value
    return found


def table_writer(path: Path, *, folders: bool = False) -> Callable[[pd.DataFrame], None]:
    """Writes a table whole, in the form of the file's ending.

    Args:
        folders: whether the user might have named a folder, and is told how.

    Raises:
        InputError: an ending that is none of these, or a folder that does not exist.
    """
    from distrib.files import atomic_path

    if path.suffix not in (".parquet", ".csv", ".tsv"):
        raise InputError(
            "unsupported file extension",
            where="--out",
            found=path.name,
            expected=".parquet, .csv or .tsv"
            + (f"; {path}/ is a folder, for a file per recording" if folders else ""),
        )
    if not path.parent.is_dir():
        raise InputError("no such folder", where="--out", found=path.parent)

    def write(frame: pd.DataFrame) -> None:
        with atomic_path(path) as temporary:
            if path.suffix == ".parquet":
                frame.to_parquet(temporary, index=False)
            else:
                frame.to_csv(temporary, index=False, sep="\t" if path.suffix == ".tsv" else ",")

    return write

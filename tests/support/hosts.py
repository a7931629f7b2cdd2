"""Hosts of a cluster on this machine: network namespaces, each with an SSH server of its own.

    python -m tests.support.hosts up FOLDER         # three hosts, 10.77.0.11 to 10.77.0.13
    python -m tests.support.hosts down FOLDER       # everything away again

Both may be run twice. As root, with iproute2, openssh-server and rsync. A host has its own network,
processes, name (which resolves to 127.0.1.1, as Debian has it), home and /tmp/ray, and the rest of
this machine's files. They reach each other and this machine over a bridge, and nothing else.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

BRIDGE, NETWORK, COUNT = "dhosts", "10.77.0", 3
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0  # seconds for a host to take connections

_started: list[subprocess.Popen[bytes]] = []  # by this process, which has to bury them

BEGIN = """
set -e
hostname {name}
mount --make-rprivate /
mkdir -p {folder}/home {folder}/ray /tmp/ray /run/sshd
for kept in {kept}; do mkdir -p "{folder}/home/$kept"; mount --bind "$HOME/$kept" "{folder}/home/$kept"; done
mount --bind {folder}/ray /tmp/ray
mount --bind {folder}/hosts /etc/hosts
mount --rbind {folder}/home {home}
ip link set lo up
exec /usr/sbin/sshd -D -e -f {folder}/sshd_config
"""  # noqa: E501


def why_not() -> str | None:
    """Why no hosts can be made here; None where they can."""
    if os.geteuid() != 0:
        return "hosts are network namespaces, which only root may make"
    for program in ("ip", "unshare", "/usr/sbin/sshd", "ssh", "rsync", "pgrep"):
        if shutil.which(program) is None:
            return f"there is no {program} here"
    tried = _run("unshare", "--net", "--pid", "--fork", "--uts", "--mount", "true", check=False)
    return None if tried.returncode == 0 else f"no namespaces: {tried.stderr.strip()}"


def addresses() -> list[str]:
    """Of the hosts, the head's first."""
    return [f"{NETWORK}.{11 + n}" for n in range(COUNT)]


def up(folder: Path) -> None:
    """Make the hosts; each keeps its files in a folder of its own below this one."""
    down(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")
    for name in ("key", "host_key"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    (folder / "shared").mkdir()
    _programs(folder / "venv")
    for number, address in enumerate(addresses()):
        _host(folder, number, address)
    until = time.monotonic() + PATIENCE
    for address in addresses():
        _answers(folder, until, address)


def down(folder: Path) -> None:
    """Take them away with all that runs in them, and the folder."""
    for number in range(COUNT):
        kill(folder, number)
        _run("ip", "link", "delete", f"{_name(number)}a", check=False)  # a namespace ends later
        _run("ip", "netns", "delete", _name(number), check=False)
    while _started:
        _started.pop().wait(PATIENCE)
    _run("ip", "link", "delete", BRIDGE, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def kill(folder: Path, number: int) -> None:
    """End a host at once, as a lost power supply does: it answers nobody, and all in it is gone."""
    _run("ip", "link", "set", f"{_name(number)}a", "down", check=False)
    for pid in processes(number):
        end(pid)


def end(pid: int) -> None:
    """End a process of a host at once."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def cut(number: int) -> None:
    """Take a host's link away: it and all others hear nothing of each other any more."""
    _run("ip", "link", "set", f"{_name(number)}a", "down")


def heal(number: int) -> None:
    """Put the link back."""
    _run("ip", "link", "set", f"{_name(number)}a", "up")


def again(folder: Path, number: int) -> None:
    """A new machine in the place of a killed one: of the same address, and with nothing on it."""
    _run("ip", "link", "delete", f"{_name(number)}a", check=False)
    _run("ip", "netns", "delete", _name(number), check=False)
    shutil.rmtree(folder / f"host{number + 1}")
    _host(folder, number, addresses()[number])
    _answers(folder, time.monotonic() + PATIENCE, addresses()[number])


def processes(number: int, pattern: str | None = None) -> list[int]:
    """Those that run on a host, or those whose command line has a pattern."""
    found = _run("ip", "netns", "pids", _name(number), check=False).stdout.split()
    pids = [int(word) for word in found]
    if pattern is None:
        return pids
    named = []
    for pid in pids:
        with suppress(OSError):
            if pattern in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
                named.append(pid)
    return named


def inside(number: int, *words: str) -> list[str]:
    """A command as it runs in the network of a host, though with this machine's files."""
    return ["ip", "netns", "exec", _name(number), *words]


def listeners(number: int) -> set[tuple[str, str, int]]:
    """Process, address and port of each socket of a host that waits for connections."""
    said = _run("ip", "netns", "exec", _name(number), "ss", "-ltnpH").stdout
    found = set()
    for line in said.splitlines():
        words = line.split()
        address, _, port = words[3].rpartition(":")
        process = words[5].split('"')[1] if len(words) > 5 else "unknown"
        found.add((process, address, int(port)))
    return found


def _name(number: int) -> str:
    return f"{BRIDGE}{number + 1}"


def _answers(folder: Path, until: float, address: str) -> None:
    """Wait for the SSH server of a host."""
    while _run("ssh-keyscan", "-T", "2", address, check=False).stdout == "":
        assert time.monotonic() < until, (folder / f"host{address[-1]}.log").read_text()
        time.sleep(0.1)


def _host(folder: Path, number: int, address: str) -> None:
    name, own = _name(number), folder / f"host{number + 1}"
    own.mkdir()
    for words in (
        ("ip", "netns", "add", name),
        ("ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", "eth0", "netns", name),
        ("ip", "link", "set", f"{name}a", "master", BRIDGE, "up"),
        ("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0"),
        ("ip", "-n", name, "link", "set", "eth0", "up"),
        # Ray asks which interface leads outside; nothing passes the bridge.
        ("ip", "-n", name, "route", "add", "default", "via", f"{NETWORK}.1"),
    ):
        _run(*words)
    (own / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    settings = {
        "ListenAddress": address,
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "key.pub",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "yes",
        "PidFile": "none",
        "MaxStartups": "100",
        "SetEnv": f"DISTRIB_VENV={folder / 'venv'} RAY_memory_monitor_refresh_ms=0",
    }
    (own / "sshd_config").write_text("".join(f"{k} {v}\n" for k, v in settings.items()))
    home = Path.home()
    base = Path(sys.base_prefix)  # a Python below the home stays there
    kept = [base.relative_to(home).parts[0]] if base.is_relative_to(home) else []
    text = BEGIN.format(name=name, folder=own, home=home, kept=" ".join(kept))
    with (folder / f"host{number + 1}.log").open("wb") as log:
        _started.append(subprocess.Popen(
            ["ip", "netns", "exec", name, "unshare", "--pid", "--fork", "--kill-child",
             "--mount-proc", "--uts", "--mount", "bash", "-c", text],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        ))  # fmt: skip


def _programs(venv: Path) -> None:
    """What setup.sh would install, as words for this very Python; so it installs nothing."""
    (venv / "bin").mkdir(parents=True)
    path = os.pathsep.join(["$HOME/distrib", os.environ.get("PYTHONPATH", "")])
    for name, words in {"python": "", "ray": "-m ray.scripts.scripts"}.items():
        program = venv / "bin" / name
        program.write_text(
            f'#!/bin/sh\nexport PYTHONPATH="{path}"\nexec {sys.executable} {words} "$@"\n'
        )
        program.chmod(0o755)
    (venv / "bin" / "python3.11").symlink_to(sys.executable)
    shutil.copy(ROOT / "constraints.txt", venv / "constraints.txt")


def _run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert not check or found.returncode == 0, (words, found.stderr)
    return found


if __name__ == "__main__":
    if (reason := why_not()) is not None:
        sys.exit(reason)
    {"up": up, "down": down}[sys.argv[1]](Path(sys.argv[2]))

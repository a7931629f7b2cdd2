"""A token that others may read is refused wherever this project meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.cluster.connect import connected
from distrib.cluster.secret_files import require_private_token, token_file
from distrib.errors import InputError


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Ray looks for the token of a cluster that is to be joined."""
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("0" * 64)
    return path


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_study_does_not_join_with_a_token_that_others_may_read(token: Path, mode: int) -> None:
    """Before anybody is asked: nobody listens at this address."""
    token.chmod(mode)
    with pytest.raises(InputError, match="others may read") as caught, connected("127.0.0.1:1"):
        raise AssertionError("connected")
    for text in (str(token), f"mode {mode:04o}", "mode 0600", f"chmod 600 {token}"):
        assert text in str(caught.value)
    token.chmod(0o600)
    require_private_token()


def test_the_file_that_the_environment_names_is_looked_at_instead(
    token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token.chmod(0o644)
    other = tmp_path / "my token"
    other.write_text("1" * 64)
    other.chmod(0o600)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(other))
    assert token_file() == other
    require_private_token()
    other.chmod(0o644)
    with pytest.raises(InputError, match=f"chmod 600 '{other}'"):
        require_private_token()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RAY_AUTH_TOKEN", "2" * 64),  # goes before any file
        ("RAY_AUTH_MODE", "disabled"),
        ("RAY_AUTH_TOKEN_PATH", "/nowhere/auth_token"),  # Ray says so itself
    ],
)
def test_a_file_that_ray_does_not_read_is_let_be(
    token: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    token.chmod(0o644)
    with pytest.raises(InputError, match="others may read"):
        require_private_token()
    monkeypatch.setenv(name, value)
    assert token_file() is None
    require_private_token()

"""The file of tokens: what is taken, what is refused, and that an edit counts at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cellnet_core.northbound.access import tokens
from cellnet_core.northbound.access.tokens import TokenFile, TokensError

HASH = "0" * 64


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_token_is_found_with_its_roles(tmp_path: Path) -> None:
    token = tokens.create()
    file = TokenFile(write(tmp_path / "tokens", tokens.line("alice", ("manager",), token) + "  # of ops\n"))
    found = file.find(token)
    assert found is not None
    assert (found.user, found.roles) == ("alice", ("manager", "member", "reader"))
    assert file.find(tokens.create()) is None
    assert file.find("") is None


def test_the_file_holds_no_token(tmp_path: Path) -> None:
    token = tokens.create()
    assert len(token) >= 43, "256 bits"
    assert token not in tokens.line("alice", ("admin",), token)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("alice admin", "write USER ROLES SHA256"),
        (f"alice king {HASH}", "unknown role king; there are admin, manager"),
        ("alice admin secret", "no SHA-256 hash"),
        (f"al!ce admin {HASH}", "letters, digits"),
        (f"alice admin {HASH} colour=red", "the only option is connections="),
        (f"east peer {HASH}", "a peer needs connections="),
        (f"alice admin {HASH}\nbob reader {HASH}", "line 2: the same token as alice's"),
    ],
)
def test_a_bad_line_is_named_and_not_quoted(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(TokensError, match=problem) as caught:
        TokenFile(write(tmp_path / "tokens", text))
    assert "secret" not in str(caught.value)
    assert HASH not in str(caught.value)


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o666, 0o644])
def test_others_may_not_read_it_nor_the_group_write_it(tmp_path: Path, mode: int) -> None:
    with pytest.raises(TokensError, match="chmod 640"):
        TokenFile(write(tmp_path / "tokens", f"alice admin {HASH}", mode))


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(TokensError, match="No such file"):
        TokenFile(tmp_path / "tokens")


def test_an_edit_counts_at_once_and_a_broken_one_lets_nobody_in(tmp_path: Path) -> None:
    token, path = tokens.create(), tmp_path / "tokens"
    line = tokens.line("alice", ("admin",), token)
    file = TokenFile(write(path, line))
    write(path, "# revoked\n")
    assert file.find(token) is None
    write(path, f"{line}\nbob nonsense")
    for _ in range(2):
        with pytest.raises(TokensError, match="line 2"):
            file.find(token)
    write(path, line + "\n")
    assert file.find(token) is not None
    path.unlink()
    with pytest.raises(TokensError):
        file.find(token)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_it_belongs_to_root_or_to_us(tmp_path: Path) -> None:
    path = write(tmp_path / "tokens", f"alice admin {HASH}")
    os.chown(path, 12345, -1)
    with pytest.raises(TokensError, match="belongs to user 12345"):
        TokenFile(path)

"""What a commit of ours takes with it, and what the patch looks like."""

import subprocess
from pathlib import Path

import pytest

from support.repositories import git, make_repository
from support.ticket_bench import TicketBench


@pytest.mark.parametrize(
    "setting",
    [
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "diff.srcPrefix=x/",
        "diff.submodule=log",
        "diff.context=0",
        "diff.ignoreSubmodules=all",
    ],
)
def test_a_patch_can_be_applied_whatever_the_user_has_configured(
    board: TicketBench, setting: str
) -> None:
    git(board.repo, "config", *setting.split("="))
    space = board.prepare()
    path = Path(space.path)
    (path / "README").write_text("two\n")
    make_repository(path / "vendor")
    end = board.harvest(space)
    assert [each.path for each in end.changes.files] == ["README", "vendor"]
    git(board.repo, "apply", "--check", "--index", str(board.patch))
    git(board.repo, "apply", "--index", str(board.patch))
    assert git(board.repo, "write-tree") == git(
        board.repo, "rev-parse", f"{end.head}^{{tree}}"
    )


def test_a_configuration_that_hides_new_files_hides_no_work(
    board: TicketBench,
) -> None:
    git(board.repo, "config", "status.showUntrackedFiles", "no")
    first = board.prepare()
    (Path(first.path) / "left").write_text("uncommitted")
    assert board.prepare().path == f"{first.path}-2"


def test_the_patch_of_a_subfolder_in_place_is_whole(board: TicketBench) -> None:
    git(board.repo, "config", "diff.relative", "true")
    space = board.in_place(board.repo / "docs")
    (board.repo / "README").write_text("two\n")
    git(board.repo, "commit", "--quiet", "-am", "second")
    assert board.harvest(space).changes.files_count == 1
    git(board.repo, "apply", "--check", "--reverse", str(board.patch))


def test_a_title_may_begin_with_a_hash(board: TicketBench) -> None:
    git(board.repo, "config", "commit.cleanup", "strip")
    space = board.prepare()
    (Path(space.path) / "done").touch()
    end = board.harvest(space, "#12: mend it\n\n# not a comment\n")
    said = git(board.repo, "log", "-1", "--format=%B", end.head)
    assert said == "#12: mend it\n\n# not a comment"


def test_what_a_message_cannot_hold_does_not_cost_the_commit(
    board: TicketBench,
) -> None:
    git(board.repo, "config", "i18n.commitEncoding", "latin1")
    git(board.repo, "config", "core.safecrlf", "true")
    git(board.repo, "config", "core.autocrlf", "true")
    space = board.prepare()
    (Path(space.path) / "done").write_bytes(b"a\nb\r\n")
    end = board.harvest(space, "one\0two ü\ud800\n")
    raw = subprocess.run(
        ["git", "cat-file", "commit", end.head],
        cwd=board.repo,
        check=True,
        capture_output=True,
    ).stdout
    assert b"onetwo \xc3\xbc?" in raw
    assert b"encoding" not in raw

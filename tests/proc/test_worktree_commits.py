"""What a commit of ours takes with it, and what the patch looks like."""

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

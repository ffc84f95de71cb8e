"""A manual page for each command, which a formatter understands."""

import shutil
import subprocess
from pathlib import Path

import pytest

from kanbanctl import manpages
from kanbanctl.commands import gc, run_show


def test_each_command_has_its_page_and_says_the_same_as_its_help(
    tmp_path: Path,
) -> None:
    assert manpages.main([str(tmp_path / "man")]) == 0
    made = {path.name: path.read_text() for path in (tmp_path / "man").iterdir()}
    assert {"kanbanctl.1", "kanbanctl-status.1", "kanbanctl-run-show.1"} <= set(made)
    for command, name in ((gc.command, "gc"), (run_show.command, "run-show")):
        page = made[f"kanbanctl-{name}.1"].replace("\\-", "-")
        assert page.startswith(f'.TH "KANBANCTL-{name.upper()}" "1"')
        for param in command.params:
            for option in param.opts:
                assert option.startswith("-") is False or option in page
    assert ".nf\nkanbanctl gc \\-\\-dry\\-run\n" in made["kanbanctl-gc.1"]
    assert "\b" not in "".join(made.values())


def test_without_a_folder_it_says_how_it_is_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert manpages.main([]) == 2
    assert "FOLDER" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_a_formatter_finds_nothing_to_say(tmp_path: Path) -> None:
    manpages.main([str(tmp_path)])
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == b""

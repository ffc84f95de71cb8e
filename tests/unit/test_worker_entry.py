"""``kanban-worker`` by hand, and the log's form."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kanban_ipc import layout
from kanban_worker.__main__ import main
from kanban_worker.shell.log import Log


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "--reap"),
        (["--reap"], "expected one argument"),
        (["--reap", "/nonexistent/run"], "no directory for runs at /nonexistent"),
        (["--reap", ".", "--grace", "soon"], "not a number of seconds"),
        (["--reap", ".", "--grace", "-1"], "not a number of seconds"),
        (["start"], "--reap"),
    ],
)
def test_a_wrong_use_is_explained_and_leaves_with_100(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(argv)
    except SystemExit as leaving:
        code = leaving.code
    assert code == 100
    assert words in capsys.readouterr().err


def test_it_knows_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["--version"])
    assert leaving.value.code == 0
    assert capsys.readouterr().err == ""


def test_a_run_that_never_began_is_reaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = tmp_path / "01920000-0000-7000-8000-0000000f0001"
    run_dir.mkdir()
    assert main(["--reap", str(run_dir), "--grace", "0.1"]) == 0
    assert '"outcome":"lost"' in capsys.readouterr().out


def test_a_run_without_a_directory_is_reaped_and_can_never_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = tmp_path / "01920000-0000-7000-8000-0000000f0002"
    for _ in range(2):
        assert main(["--reap", str(run_dir), "--grace", "0.1"]) == 0
        assert '"outcome":"lost"' in capsys.readouterr().out
    assert (run_dir / layout.RUN_REAPED).exists()


def test_a_line_of_the_log_says_worker_who_what_and_quotes_what_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    log = Log("worker-3")
    log.line("warn", "Task failed", taskId=5, error='a "b"\nc', empty="")
    log.flush()
    line = shown.getvalue()
    assert ' warn [Worker] worker-3 Task failed taskId=5 error="a \\"b\\"\\nc"' in line
    assert line.endswith(' empty=""\n')
    assert line.count("\n") == 1


def test_a_log_that_is_too_long_is_set_aside_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "worker-1.log"
    path.write_text("before\n")
    program = (
        "import sys; from pathlib import Path; from kanban_worker.shell import log;"
        "log.FILE_BYTES_MAX = 4; log.rotate(Path(sys.argv[1]));"
        "print('out', flush=True); print('err', file=sys.stderr, flush=True);"
        "log.FILE_BYTES_MAX = 99; log.rotate(Path(sys.argv[1]))"
    )
    with path.open("a") as shown:
        subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=shown,
            stderr=shown,
            check=True,
        )
    assert path.read_text() == "out\nerr\n"
    assert (tmp_path / "worker-1.log.1").read_text() == "before\n"


def test_a_log_that_cannot_be_set_aside_now_is_set_aside_later(tmp_path: Path) -> None:
    path = tmp_path / "worker-1.log"
    path.write_text("before\n")
    program = (
        "import resource, sys; from pathlib import Path;"
        "from kanban_worker.shell import log; log.FILE_BYTES_MAX = 4;"
        "own = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (0, own[1]));"
        "log.rotate(Path(sys.argv[1]));"
        "print('during', file=sys.stderr, flush=True);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, own);"
        "log.rotate(Path(sys.argv[1]));"
        "print('after', file=sys.stderr, flush=True)"
    )
    with path.open("a") as shown:
        subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=shown,
            stderr=shown,
            check=True,
        )
    assert path.read_text() == "after\n"
    assert (tmp_path / "worker-1.log.1").read_text() == "before\nduring\n"

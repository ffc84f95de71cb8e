"""Units as files: what is ours, what somebody has changed, and what becomes of both."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kanbanctl.failures import BadInput, Refused
from kanbanctl.service import files, texts
from kanbanctl.service.texts import DAEMON, Scope, Wanted
from support.systemd_lab import REPOSITORY

BIN = "/opt/kanban/bin"
SCOPES: tuple[Scope, ...] = ("user", "system")


@pytest.fixture
def unit(tmp_path: Path) -> Wanted:
    return Wanted(tmp_path / "units" / DAEMON, "[Service]\nExecStart=/new\n")


def states(unit: Wanted) -> list[str]:
    return [file.state for file in files.compare([unit])]


@pytest.mark.parametrize("scope", SCOPES)
def test_units_name_the_programs_where_they_are(scope: Scope) -> None:
    wanted = texts.wanted(scope, Path("/units"), BIN)
    text = "\n".join(file.text for file in wanted if file.path.parent == Path("/units"))
    assert f"ExecStart={BIN}/kanband\n" in text
    for usual in texts.USUAL.values():
        assert usual not in text
    [daemon] = [file.text for file in wanted if file.path.name == DAEMON]
    assert texts.programs_in(texts.stamped(daemon)) == f"{BIN}/"


def test_units_at_the_usual_place_are_the_projects_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for scope, folder in (
        ("user", f"{tmp_path}/.local/bin"),
        ("system", "/usr/local/bin"),
    ):
        for path, text in texts.wanted(scope, Path("/units"), folder):  # type: ignore[arg-type]
            kind = path.parent.name if path.parent.name.endswith(".d") else scope
            assert text == (REPOSITORY / "systemd" / kind / path.name).read_text()


@pytest.mark.parametrize("folder", ["/opt/my programs", "/opt/50%", "/a;b", "/o'brien"])
def test_a_folder_that_a_unit_would_read_otherwise_is_refused(folder: str) -> None:
    with pytest.raises(BadInput, match="--programs"):
        texts.wanted("user", Path("/units"), folder)


def test_a_file_is_written_once_and_again_when_we_have_another(unit: Wanted) -> None:
    assert states(unit) == ["missing"]
    assert files.write(files.compare([unit])) == [unit.path]
    assert states(unit) == ["current"]
    assert files.write(files.compare([unit])) == []

    newer = unit._replace(text=unit.text.replace("/new", "/newer"))
    assert states(newer) == ["outdated"]
    [compared] = files.compare([newer])
    changes = files.difference(compared).splitlines()
    assert changes[-2:] == ["-ExecStart=/new", "+ExecStart=/newer"]
    files.refuse_changed([compared], "edit")
    files.write([compared])
    assert states(newer) == ["current"]
    assert [path.name for path in unit.path.parent.iterdir()] == [DAEMON]


@pytest.mark.parametrize("how", ["changed", "without a stamp", "a link"])
def test_what_somebody_changed_is_refused_and_with_force_kept(
    unit: Wanted, how: str, tmp_path: Path
) -> None:
    files.write(files.compare([unit]))
    match how:
        case "changed":
            theirs = unit.path.read_text() + "Nice=5\n"
            unit.path.write_text(theirs)
        case "without a stamp":
            unit.path.write_text(theirs := "[Service]\nExecStart=/old\n")
        case _:
            (target := tmp_path / "theirs").write_text(theirs := unit.path.read_text())
            unit.path.unlink()
            unit.path.symlink_to(target)
    compared = files.compare([unit])
    with pytest.raises(Refused, match=rf"{DAEMON}.*systemctl edit.*--force"):
        files.refuse_changed(compared, "systemctl edit")
    assert unit.path.read_text() == theirs

    files.write(compared)
    assert states(unit) == ["current"]
    assert unit.path.with_name(f"{DAEMON}.bak").read_text() == theirs
    assert not unit.path.is_symlink()


def test_a_file_copied_by_hand_is_ours_as_long_as_it_is_the_same(unit: Wanted) -> None:
    unit.path.parent.mkdir()
    unit.path.write_text(unit.text)
    assert states(unit) == ["current"]


def test_removing_leaves_what_a_person_added(unit: Wanted) -> None:
    files.write(files.compare([unit]))
    (added := unit.path.with_name(f"{DAEMON}.d")).mkdir()
    assert files.remove(files.compare([unit])) == [unit.path]
    assert files.remove(files.compare([unit])) == []
    assert files.drop_ins([unit]) == [added]


def test_programs_are_taken_from_where_all_of_them_are(tmp_path: Path) -> None:
    for name in texts.PROGRAMS:
        (tmp_path / name).touch(0o755)
    assert files.programs_dir(None, ["/nonexistent", str(tmp_path)]) == str(tmp_path)
    with pytest.raises(BadInput, match="kanban-worker are not all in /nonexistent"):
        files.programs_dir("/nonexistent", [str(tmp_path)])


@pytest.mark.root
def test_root_runs_nothing_that_others_may_change(tmp_path: Path) -> None:
    (program := tmp_path / "kanband").touch(0o755)
    assert files.others_may_change([str(program)]) is None
    tmp_path.chmod(0o777)
    assert files.others_may_change([str(program)]) == str(tmp_path)
    tmp_path.chmod(0o1777)
    assert files.others_may_change([str(program)]) is None
    program.chmod(0o775)
    assert files.others_may_change([str(program)]) == str(program)


@pytest.mark.slow
def test_the_wheel_has_every_unit(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "wheel",
            "-d",
            str(tmp_path),
        ],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as packed:
        inside = {name for name in packed.namelist() if "/units/" in name}
    folder = REPOSITORY / "systemd"
    units = [path for path in folder.rglob("*") if path.is_file()]
    assert inside == {f"kanbanctl/units/{path.relative_to(folder)}" for path in units}

"""Where there is no service manager, or none for us, a person is told what to do."""

import os
from pathlib import Path

import pytest

from kanbanctl.failures import Refused
from kanbanctl.service.installation import require_root
from kanbanctl.service.manager import Manager
from kanbanctl.service.texts import Scope

SCOPES: tuple[Scope, ...] = ("user", "system")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("scope", SCOPES)
def test_without_systemd_another_supervisor_is_named_as_the_way(
    scope: Scope, programs: Path
) -> None:
    assert list(programs.iterdir()) == []
    with pytest.raises(Refused, match=r"no systemd here.*'kanband'.*supervisor"):
        Manager(scope, os.environ)


@pytest.mark.parametrize(
    ("scope", "advice"),
    [("user", "loginctl enable-linger"), ("system", "Is systemd what")],
)
def test_a_manager_that_does_not_answer_is_told_with_its_reason(
    programs: Path, scope: Scope, advice: str
) -> None:
    systemctl = programs / "systemctl"
    systemctl.write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    systemctl.chmod(0o755)
    with pytest.raises(Refused, match=rf"(?s)Failed to connect to bus.*{advice}"):
        Manager(scope, os.environ)


def test_only_root_changes_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    require_root("user")
    require_root(None)
    with pytest.raises(Refused, match=r"sudo kanbanctl service.*--user"):
        require_root("system")

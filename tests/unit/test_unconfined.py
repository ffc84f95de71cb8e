"""What the daemon has done outside of its sandbox, and with what."""

from kanban_ipc.words import UnitScope
from kanband.shell.unconfined import unconfined

COMMAND = ["/usr/bin/python3", "-m", "kanban_worker", "--reap", "/runs/1"]


def test_only_under_the_systems_manager_is_there_an_outside() -> None:
    scopes: tuple[UnitScope, ...] = ("", "user")
    for units in scopes:
        assert unconfined(units, COMMAND, patience_s=1) == COMMAND


def test_outside_it_has_our_environment_but_what_the_manager_says_to_us() -> None:
    environ = {"PATH": "/bin", "SECRET": "hush", "NOTIFY_SOCKET": "/run/x"}
    made = unconfined("system", COMMAND, patience_s=60, environ=environ)
    assert made[made.index("--") + 1 :] == COMMAND
    assert [word for word in made if "setenv" in word] == [
        "--setenv=PATH",
        "--setenv=SECRET",
    ]
    assert "--property=RuntimeMaxSec=70s" in made
    assert not any("hush" in word for word in made)

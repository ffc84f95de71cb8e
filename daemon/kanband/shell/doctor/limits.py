"""By what means the profiles' ``resources`` are in force.

Limits of single processes always are: a run that cannot have them does not start.
Decided here: who keeps those of a whole run. The kernel does, where runs are units of a
systemd manager that has the controller; else the run's shim looks at its tree, and
nobody holds processor time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kanban_ipc.control import Finding
from kanban_ipc.words import UnitScope
from kanband.config.sections import ResourcesConfig
from kanband.shell.doctor.ground import Ground, note, ok

CHECK: Final = "limits"
_GROUPS: Final = Path("/sys/fs/cgroup")
_CONTROLLERS: Final = {
    "memory_mib": "memory",
    "processes": "pids",
    "cpu_percent": "cpu",
}
_MEND: Final = "run kanband as a service of systemd: see the README"


def check_limits(ground: Ground) -> Iterator[Finding]:
    """Silent means of holding a run, and the lack of them."""
    scope = ground.environ.get("KANBAN_UNITS", "")
    controllers = _controllers(Path("/proc/self/cgroup").read_text(), scope)
    wanted = {
        key: sorted(_wanting(ground, key))
        for key in _CONTROLLERS
        if _wanting(ground, key)
    }
    lacking = {
        k: who for k, who in wanted.items() if _CONTROLLERS[k] not in controllers
    }
    for key, who in lacking.items():
        means = (
            "nothing holds it"
            if key == "cpu_percent"
            else "each run's shim looks at it once a second, not the kernel"
        )
        yield note(CHECK, f"{key} of {', '.join(who)}: {means}", _MEND)
    if not lacking:
        yield ok(CHECK, _in_force(controllers, bool(wanted)))


def _in_force(controllers: frozenset[str], wanted: bool) -> str:
    if not controllers:
        return "no profile limits a run's memory, processes or processor time"
    names = ", ".join(sorted(controllers))
    by = f"by the control group of its unit ({names})"
    return f"a run as a whole is held {by}" if wanted else f"a run could be held {by}"


def _wanting(ground: Ground, key: str) -> list[str]:
    agents = ground.config.agents
    assert key in ResourcesConfig.__struct_fields__
    return [n for n, a in agents.items() if getattr(a.resources, key) is not None]


def _controllers(membership: str, scope: UnitScope | str) -> frozenset[str]:
    """What the manager of the runs' units may hand to them; empty: it has no runs."""
    path = next(
        (line[3:] for line in membership.splitlines() if line.startswith("0::")), ""
    )
    if not scope:
        return frozenset()
    folder = _GROUPS
    if scope == "user":
        above = [Path(path), *Path(path).parents]
        managers = [each for each in above if each.name.startswith("user@")]
        if not managers:
            return frozenset()
        folder = _GROUPS / str(managers[0]).lstrip("/")
    try:
        words = (folder / "cgroup.controllers").read_text().split()
    except OSError:
        return frozenset()
    return frozenset(words) & frozenset(_CONTROLLERS.values())

"""``service status``: the units, whether they are ours, and what they do."""

from typing import Final

import click

from kanbanctl.jsonform import document
from kanbanctl.parsing import Command
from kanbanctl.service.installation import present, scope_options
from kanbanctl.service.texts import DAEMON, WORKERS, Scope
from kanbanctl.session import Session
from kanbanctl.views.service import show_service
from kanbanctl.wording import plural

NOT_RUNNING: Final = 3
"""As ``status`` has it, after the Linux Standard Base."""


@click.command("status", cls=Command)
@scope_options
@click.pass_obj
def command(session: Session, *, scope: Scope | None) -> int:
    """Show the units, whether they are those of this version, and what they do.

    Exit code: 0 the daemon's unit is active, 3 it is not.
    """
    installation = present(scope)
    manager = installation.manager
    compared = installation.compared()
    units = manager.units(DAEMON, WORKERS, "kanban-worker@*.service")
    runs = manager.units("kanban-run-*.service")
    lingers = manager.lingers() if installation.scope == "user" else None
    active = any(
        unit.get("Id") == DAEMON and unit.get("ActiveState") == "active"
        for unit in units
    )
    if session.as_json:
        found = {
            "scope": installation.scope,
            "active": active,
            "files": [{"path": str(f.path), "state": f.state} for f in compared],
            "units": [
                {
                    "name": unit.get("Id", ""),
                    "active": unit.get("ActiveState", ""),
                    "sub": unit.get("SubState", ""),
                    "enabled": unit.get("UnitFileState", ""),
                    "pid": int(unit.get("MainPID") or 0) or None,
                    "restarts": int(unit.get("NRestarts") or 0),
                }
                for unit in units
            ],
            "runs": len(runs),
            "lingers": lingers,
            "state_dir": installation.state_dir,
        }
        session.output.document(document({"service": found}))
    else:
        show_service(session.output, compared, units)
        session.output.line(f"{plural(len(runs), 'run')} in kanban-runs.slice")
        if lingers is False:
            session.output.note(
                "it ends when you log out: loginctl enable-linger, or kanbanctl "
                "service install, which does it"
            )
    return 0 if active else NOT_RUNNING

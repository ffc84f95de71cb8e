"""``service uninstall``: the daemon stopped, the units gone, the state left."""

import click

from kanbanctl.jsonform import document
from kanbanctl.parsing import Command
from kanbanctl.service import files
from kanbanctl.service.installation import (
    Installation,
    present,
    require_root,
    scope_options,
)
from kanbanctl.service.texts import DAEMON, OWN_WORKER, WORKERS, Scope
from kanbanctl.session import Session


@click.command("uninstall", cls=Command)
@scope_options
@click.option("--force", is_flag=True, help="Also files that somebody changed.")
@click.pass_obj
def command(session: Session, *, scope: Scope | None, force: bool) -> None:
    """Stop kanband and take its units away; tickets, runs and branches stay.

    Runs may finish for as long as the daemon gives them ([workers] stop_timeout_s),
    then they are cancelled, and go on when kanband is started again.
    """
    require_root(scope)
    installation = present(scope)
    compared = installation.compared()
    if not force:
        files.refuse_changed(compared, installation.edit)
    if not session.as_json:
        session.output.note("runs may finish first; 'kanbanctl shutdown --now' hurries")
    _stop(installation)
    removed = files.remove(compared)
    installation.manager.do("daemon-reload")
    left = installation.kept
    if session.as_json:
        found = {"removed": [str(path) for path in removed], "left": left}
        session.output.document(document({"service": found}))
        return
    for path in removed:
        session.output.line(f"removed {path}")
    if not removed:
        session.output.line("There were no units of kanband.")
    session.output.line(f"Left as they are: {', '.join(left)}")


def _stop(installation: Installation) -> None:
    """Workers of their own drain while there is a daemon to tell."""
    manager = installation.manager
    names = [path.name for path, _, found, _ in installation.compared() if found]
    if OWN_WORKER in names:
        manager.do("stop", "kanban-worker@*.service")
    for unit in (DAEMON, WORKERS):
        if unit in names:
            manager.do("stop", unit)
    manager.do("stop", "kanban-run-*.service")
    for unit in (DAEMON, OWN_WORKER):
        if unit in names:
            manager.do("disable", unit)

"""``service install``: the units at their places, and the daemon running."""

import click

from kanbanctl.jsonform import document
from kanbanctl.parsing import Command
from kanbanctl.service import files
from kanbanctl.service.installation import (
    Installation,
    of,
    programs_option,
    require_root,
    require_roots_own,
    scope_options,
)
from kanbanctl.service.manager import user_name
from kanbanctl.service.texts import DAEMON, Scope
from kanbanctl.session import Session


@click.command("install", cls=Command)
@scope_options
@programs_option
@click.option("--force", is_flag=True, help="Replace files that somebody changed, too.")
@click.option("--no-start", is_flag=True, help="Only put the files in their places.")
@click.option("--dry-run", is_flag=True, help="Only show what would be different.")
@click.pass_obj
def command(
    session: Session,
    *,
    scope: Scope | None,
    programs: str | None,
    force: bool,
    no_start: bool,
    dry_run: bool,
) -> None:
    """Have systemd run kanband, now and after every boot.

    Puts the units of this version at their places, shows what that changes in ones
    that are there, starts the daemon, and has your manager live on without a login.
    Again, it changes nothing; after an upgrade it brings the new units and restarts
    the daemon, while agents go on. What somebody has changed is refused.
    """
    if not dry_run:
        require_root(scope)
        require_roots_own(scope, programs)
    installation = of(scope, programs)
    compared = installation.compared()
    for file in compared if not session.as_json else []:
        session.output.raw(files.difference(file))
    if dry_run:
        _show_plan(session, compared)
        return
    if not force:
        files.refuse_changed(compared, installation.edit)
    written = files.write(compared)
    started = "" if no_start else _start(installation, changed=bool(written))
    if no_start:
        installation.manager.do("daemon-reload")
    if session.as_json:
        paths = [str(path) for path in written]
        found = {"scope": installation.scope, "written": paths, "daemon": started}
        session.output.document(document({"service": found}))
        return
    for path in written:
        session.output.line(f"wrote {path}")
    spelled = installation.manager.spelled
    if no_start:
        session.output.line(f"Start it: {spelled('enable', '--now', DAEMON)}")
        return
    session.output.line(f"kanband {started}; see: {spelled('status', DAEMON)}")
    if installation.scope == "user":
        _linger(session, installation)


def _show_plan(session: Session, compared: list[files.Compared]) -> None:
    if session.as_json:
        found = [{"path": str(file.path), "state": file.state} for file in compared]
        session.output.document(document({"service": {"files": found}}))
        return
    for file in compared:
        session.output.line(f"{file.state:<8} {file.path}")


def _start(installation: Installation, *, changed: bool) -> str:
    """What became of the daemon."""
    manager = installation.manager
    if installation.scope == "system":
        for path, _ in installation.wanted:
            if path.parent.name == "sysusers.d":
                manager.helper("systemd-sysusers", str(path))
            elif path.parent.name == "tmpfiles.d":
                manager.helper("systemd-tmpfiles", "--create", str(path))
    if changed:
        manager.do("daemon-reload")
    manager.do("enable", DAEMON)
    [daemon] = manager.units(DAEMON)
    if daemon.get("ActiveState") != "active":
        manager.start("start", DAEMON)
        return "was started"
    if not changed:
        return "runs already"
    # A hand-over: workers and agents go on.
    manager.start("restart", DAEMON)
    return "was restarted, and agents went on"


def _linger(session: Session, installation: Installation) -> None:
    manager = installation.manager
    if manager.lingers():
        return
    if refused := manager.make_linger():
        session.output.note(
            f"kanband ends when {user_name()} logs out: lingering was refused "
            f"({refused}). As root: loginctl enable-linger {user_name()}"
        )
    else:
        session.output.line(
            f"It goes on without a login ({user_name()} lingers now; loginctl "
            "disable-linger ends that)."
        )

"""Workers that somebody else starts: by hand, or as a service of their own.

Decided here: what lets one in. It has read the pass, which only this account can, and
it holds the lock of the id that it names, so there is no second one of that id. An id
of a worker that the daemon itself starts is not free for it. What it may do then is
what every worker may (``reception``); that it is neither started nor stopped from here
is ``member``'s.

The secret is kept over the daemon's restarts (the file stays), so that a worker that
was started while no daemon was there is let in by the next one.
"""

import os
import secrets
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from kanban_ipc import guests, layout
from kanban_ipc.errors import PeerError
from kanban_ipc.guests import Pass
from kanban_ipc.link import Hello, Refused
from kanband.config import Config
from kanband.shell.identity import read_lock
from kanband.shell.incarnation import digest, proves
from kanband.shell.member import Member
from kanband.store.values import WorkerRow

GUESTS_MAX: Final = 1_000
"""Known at a time, those that have ended included until the daemon's next start."""
_SECRET_BYTES: Final = 32
_PASS_BYTES_MAX: Final = 65_536


def issue_pass(config: Config, link_endpoint: str) -> Pass:
    """Make the pass, write it and return it. Raises ``OSError``."""
    path = config.runtime_dir / layout.WORKER_JOIN
    own = Pass(
        mode=config.mode,
        link=link_endpoint,
        state_dir=str(config.state_dir),
        slots=config.slots,
        secret=_known_secret(path, config) or secrets.token_urlsafe(_SECRET_BYTES),
    )
    _write(path, own)
    return own


def renew_pass(own: Pass, config: Config) -> tuple[Pass, list[str]]:
    """The pass by another configuration, and notes for people: who joins from now on
    takes other slots. The secret stays, so that those that have joined may come again.
    """
    if own.slots == config.slots:
        return own, []
    changed = replace(own, slots=config.slots)
    path = config.runtime_dir / layout.WORKER_JOIN
    try:
        _write(path, changed)
    except OSError as error:
        text = (
            f"{path} could not be written ({error.strerror}), so workers that join "
            f"take {own.slots} slots as before; mend that, then: kanbanctl reload"
        )
        return own, [text]
    return changed, []


def _write(path: Path, own: Pass) -> None:
    """Whole, and private from its first byte on. Raises ``OSError``."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(guests.encode(own))
    draft.replace(path)


def _known_secret(path: Path, config: Config) -> str:
    """The secret of the daemon before us; empty when there is none to go on with."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        shared = found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        if found.st_uid != os.geteuid() or shared or not stat.S_ISREG(found.st_mode):
            return ""
        data = file.read(_PASS_BYTES_MAX)
    try:
        before = guests.decode(data)
    except PeerError:
        return ""
    return before.secret if before.state_dir == str(config.state_dir) else ""


def verify(
    hello: Hello,
    member: Member | None,
    secret_sha256: str,
    profiles: Collection[str],
    state_dir: Path,
) -> Refused | None:
    """Why not; None: it may join. An outsider learns no more than that he is one."""
    name = hello.worker_id
    if not proves(hello.secret, secret_sha256):
        reason = "not the secret of this daemon's pass for workers; start it anew"
        return Refused(code="secret", reason=reason)
    if member is not None and not member.row.guest:
        reason = (
            f"{name} is a worker that the daemon starts itself; choose another name "
            "with --id"
        )
        return Refused(code="fenced", reason=reason)
    lock_name = f"{name}{layout.WORKER_LOCK_SUFFIX}"
    lock = read_lock(state_dir / layout.WORKERS_DIR / lock_name)
    holds = lock.held and lock.lives and lock.process == hello.process
    if not holds or lock.incarnation != hello.incarnation:
        reason = f"another process has taken the name {name} meanwhile (its lock file)"
        return Refused(code="fenced", reason=reason)
    for agent in hello.agents:
        if agent not in profiles:
            reason = f"there is no profile {agent!r:.80} (only {', '.join(profiles)})"
            return Refused(code="unknown_worker", reason=reason)
    return None


def row(hello: Hello) -> WorkerRow:
    """What is kept of a guest."""
    return WorkerRow(
        worker_id=hello.worker_id,
        slots=hello.slots,
        agents=list(hello.agents),
        repo_path=hello.repo or None,
        incarnation=hello.incarnation,
        secret_sha256=digest(hello.secret),
        guest=True,
    )

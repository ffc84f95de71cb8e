"""The environment of an agent: built from nothing, name by name.

Decided here, in this order, later ones winning: the base (``BASE``, as the worker has
them, ``TERM=dumb``), the profile's allow-list ``env_pass``, the profile's ``env``, and
the run's own names. Nothing else of the worker's environment reaches an agent.

The base is what a program needs to find itself, its user's files and its language.
Absent on purpose: proxies, SSH and GPG agents, ``XDG_*``, ``DBUS_*``, ``PYTHON*``,
every token. Who needs one names it in ``env_pass``.
"""

from collections.abc import Mapping
from typing import Final

from kanban_ipc.layout import RUN_SPOOL_DIR
from kanban_ipc.link import Assign, Exchange, Work

BASE: Final = (
    "HOME",
    "PATH",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
)
DEFAULTS: Final[Mapping[str, str]] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "SHELL": "/bin/sh",
}


def agent_environment(
    assign: Assign,
    own: Mapping[str, str],
    profile: Mapping[str, str],
    places: Mapping[str, str],
) -> dict[str, str]:
    """Everything the agent shall see.

    ``own`` is the worker's environment, ``profile`` the profile's ``env`` filled in;
    ``places`` are the run's paths by their names after ``KANBAN_``, e.g. ``WORKTREE``.
    """
    base = {name: own[name] for name in BASE if name in own}
    passed = {name: own[name] for name in assign.agent.env_pass if name in own}
    return {
        **DEFAULTS,
        **base,
        "TERM": "dumb",
        **passed,
        **profile,
        **_run_names(assign, places),
    }


def _run_names(assign: Assign, places: Mapping[str, str]) -> dict[str, str]:
    work = assign.work
    shared = {
        "TICKET_ID": str(work.ticket_id),
        "RUN_ID": assign.run_id,
        "REPO_PATH": work.repo_path,
        "API_URL": assign.api_url,
        "API_TOKEN": assign.api_token,
        "SPOOL_DIR": f"{assign.run_dir}/{RUN_SPOOL_DIR}",
    }
    names = {f"KANBAN_{name}": text for name, text in (shared | dict(places)).items()}
    names |= {f"AGENT_KANBAN_{name}": text for name, text in shared.items()}
    return names | {
        "KANBAN_QUESTION": _last(work).question.replace("\0", ""),
        "KANBAN_ANSWER": _last(work).answer.replace("\0", ""),
        "KANBAN_EPOCH": str(assign.epoch),
        "KANBAN_ATTEMPT": str(assign.attempt),
        "KANBAN_AGENT": assign.agent.name,
        "AGENT_KANBAN_AGENT_TYPE": assign.agent.name,
        "KANBAN_TICKET_TITLE": work.title.replace("\0", ""),
        "KANBAN_TICKET_PRIORITY": work.priority,
        "KANBAN_TICKET_LABELS": ",".join(work.labels).replace("\0", ""),
        "KANBAN_MODEL": work.model or assign.agent.model,
    }


def _last(work: Work) -> Exchange:
    """The latest question and its answer; both empty where nothing was asked."""
    return work.exchanges[-1] if work.exchanges else Exchange("", "")

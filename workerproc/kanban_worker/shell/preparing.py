"""From an assignment to what a shim can start: place, papers, environment, command.

Decided here: where a run works (a worktree; the repository itself where the profile
says so; else an empty folder of its own), which papers the agent gets and where they
are, and what the variables of templates mean. All of it can be done again after a
kill: the place is found again, the papers are written again.

Blocking: called in a thread. Raises ``SetupError`` and ``GitError`` for what the
ticket's owner must mend, ``OSError`` for the disk.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kanban_ipc import layout
from kanban_ipc.link import Assign, Exchange, Part, Work
from kanban_worker.agents.kinds import PROGRAMS
from kanban_worker.agents.program import Brief, SetupError
from kanban_worker.core.environment import agent_environment
from kanban_worker.core.prompt import prompt, ticket_markdown
from kanban_worker.core.template import TemplateError, fill
from kanban_worker.git.command import Git
from kanban_worker.git.worktree import Wanted, Workspace, in_place, prepare
from kanban_worker.shell.rundir import ShimSpec, write_durable

PLAIN_FOLDER: Final = "work"
"""In the run's directory: where a ticket without a repository is worked on."""
TICKET_JSON: Final = "ticket.json"
TICKET_MD: Final = "ticket.md"
PROMPT: Final = "prompt.md"
INSTRUCTIONS: Final = "instructions.sh"
KANBANCTL: Final = "kanbanctl"
PROGRAMS_FOLDER: Final = "bin"
"""In the run's directory."""


class Places(NamedTuple):
    """Folders of the state directory."""

    worktrees: Path
    repo_locks: Path

    @classmethod
    def below(cls, state_dir: str) -> "Places":
        """Name them, below an absolute path."""
        root = Path(state_dir)
        return cls(root / layout.WORKTREES_DIR, root / layout.REPO_LOCKS_DIR)


class Ready(NamedTuple):
    """What the shim shall run, and where."""

    spec: ShimSpec
    workspace: Workspace | None


def make_ready(
    git: Git, places: Places, assign: Assign, own_env: Mapping[str, str]
) -> Ready:
    """See the module."""
    run_dir = Path(assign.run_dir)
    workspace = _workspace(git, places, assign, run_dir)
    directory = Path(workspace.directory) if workspace else run_dir / PLAIN_FOLDER
    directory.mkdir(mode=0o700, exist_ok=True)
    try:
        variables = _write_papers(assign, run_dir, directory, workspace)
        spec = _spec(assign, directory, variables, own_env)
    except TemplateError as error:
        raise SetupError(f"agent {assign.agent.name!r}: {error}") from error
    return Ready(spec, workspace)


def read_workspace(run_dir: Path) -> Workspace | None:
    """What an earlier incarnation has decided; None when it did not come so far."""
    try:
        data = (run_dir / layout.RUN_WORKSPACE).read_bytes()
        return msgspec.msgpack.decode(data, type=Workspace)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _workspace(
    git: Git, places: Places, assign: Assign, run_dir: Path
) -> Workspace | None:
    if not assign.work.repo_path:
        return None
    if not assign.agent.worktree:
        workspace = in_place(git, assign.work.repo_path)
    else:
        wanted = _wanted(assign.work, read_workspace(run_dir))
        workspace = prepare(git, places.worktrees, places.repo_locks, wanted)
    write_durable(run_dir / layout.RUN_WORKSPACE, msgspec.msgpack.encode(workspace))
    return workspace


def _wanted(work: Work, decided: Workspace | None) -> Wanted:
    """``decided`` by this very run before it was interrupted goes first."""
    return Wanted(
        ticket_id=work.ticket_id,
        title=work.title,
        repo_path=work.repo_path,
        base_branch=work.base_branch,
        branch=decided.branch if decided else work.branch,
        worktree=decided.path if decided else work.worktree,
        fresh=work.fresh and decided is None,
    )


def _write_papers(
    assign: Assign, run_dir: Path, directory: Path, workspace: Workspace | None
) -> dict[str, str]:
    work = assign.work
    papers = run_dir / layout.RUN_PAPERS_DIR
    papers.mkdir(mode=0o700, exist_ok=True)
    (run_dir / layout.RUN_SPOOL_DIR).mkdir(mode=0o700, exist_ok=True)
    last = work.exchanges[-1] if work.exchanges else Exchange("", "")
    variables = {
        "title": work.title,
        "description": work.description_md,
        "instructions": work.instructions,
        "priority": work.priority,
        "labels": ",".join(work.labels),
        "repo_path": work.repo_path,
        "branch": workspace.branch if workspace else "",
        "base_branch": work.base_branch,
        "worktree": workspace.path if workspace else str(directory),
        "model": work.model or assign.agent.model,
        "question": last.question,
        "answer": last.answer,
        "ticket_id": str(work.ticket_id),
        "run_id": assign.run_id,
        "prompt_file": str(papers / PROMPT),
        "instructions_file": str(papers / INSTRUCTIONS),
        "ticket_json": str(papers / TICKET_JSON),
        "ticket_md": str(papers / TICKET_MD),
    }
    text = prompt(work, str(directory), variables, assign.agent.prompt_template)
    _write(papers / PROMPT, text.encode("utf-8", "replace"))
    _write(papers / TICKET_MD, ticket_markdown(work).encode("utf-8", "replace"))
    _write(papers / TICKET_JSON, _ticket_json(work))
    _write(papers / INSTRUCTIONS, f"{work.instructions}\n".encode("utf-8", "replace"))
    return variables | {"prompt": text}


def _spec(
    assign: Assign,
    directory: Path,
    variables: Mapping[str, str],
    own_env: Mapping[str, str],
) -> ShimSpec:
    agent, limits = assign.agent, assign.limits
    brief = Brief(agent=agent, work=assign.work, variables=variables)
    profile_env = {name: fill(text, variables) for name, text in agent.env.items()}
    env = agent_environment(assign, own_env, profile_env, _paths(variables))
    return ShimSpec(
        run_id=assign.run_id,
        argv=PROGRAMS[agent.kind].start(brief).argv,
        env=env | {"PATH": _with_kanbanctl(Path(assign.run_dir), env["PATH"])},
        cwd=str(directory),
        run_s=limits.run_s,
        silence_s=limits.silence_s,
        log_bytes=limits.log_bytes,
        grace_s=limits.grace_s,
        resources={
            name: value
            for name, value in msgspec.structs.asdict(limits.resources).items()
            if value is not None
        },
    )


def _with_kanbanctl(run_dir: Path, path: str) -> str:
    """A search path that ends in a folder with ``kanbanctl`` alone, unless it has one.

    Not the folder of our own interpreter: an agent must not meet our Python there.
    """
    own = Path(sys.executable).with_name(KANBANCTL)
    if shutil.which(KANBANCTL, path=path) is not None or not own.exists():
        return path
    folder = run_dir / PROGRAMS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    link = folder / KANBANCTL
    link.unlink(missing_ok=True)
    link.symlink_to(own)
    return f"{path}:{folder}"


def _paths(variables: Mapping[str, str]) -> dict[str, str]:
    names = ("worktree", "branch", "prompt_file", "ticket_json", "ticket_md")
    return {name.upper(): variables[name] for name in names}


def _ticket_json(work: Work) -> bytes:
    """An object with names, as an agent's script wants it, not the link's array."""
    return msgspec.json.format(msgspec.json.encode(_named(work)), indent=2)


def _named(value: object) -> object:
    if isinstance(value, Part):
        names = value.__struct_fields__
        return {name: _named(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_named(each) for each in value]
    return value


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)

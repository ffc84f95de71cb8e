"""Places on disk that more than one program reads: names only, no access.

Under the state directory: ``kanban.db``, ``runs/<run>/``,
``worktrees/<ticket>-<slug>/``, ``workers/<worker>.lock``, ``logs/<worker>.log``.
Under the runtime directory: sockets, and the lock of whoever binds them.
"""

from typing import Final

DAEMON_LOCK: Final = "daemon.lock"
"""Held (flock) by the one daemon of a state directory."""
SPAWNER_LOCK: Final = "spawner.lock"
SOCKETS_LOCK: Final = "sockets.lock"
"""In the runtime directory: held (flock) by the one daemon that binds there."""

AGENT_KEY: Final = "agent.key"
"""What the tokens of runs are derived from; the daemon's alone."""

RUNS_DIR: Final = "runs"
WORKTREES_DIR: Final = "worktrees"
WORKERS_DIR: Final = "workers"
LOGS_DIR: Final = "logs"
REPO_LOCKS_DIR: Final = "repos"

CONTROL_SOCKET: Final = "control.sock"
AGENT_SOCKET: Final = "agent.sock"
LINK_SOCKET: Final = "link.sock"
SPAWNER_SOCKET: Final = "spawner.sock"
WORKER_JOIN: Final = "worker-join.json"
"""What a worker that is started by hand or by a service manager needs to join: a
``guests.Pass``."""

RUN_MARK: Final = "KANBAN_RUN_ID"
"""The variable whose value, a run's id, marks each process of its agent."""

# In a run's directory.
RUN_ASSIGN: Final = "assign.msgpack"
"""The assignment as received, durable before anything is done about it."""
RUN_SHIM_SPEC: Final = "shim.spec.json"
"""What the shim shall run; written before it is forked: the spawn intent."""
RUN_SHIM_LOCK: Final = "shim.lock"
"""Held (flock, shared) from before the shim's fork until its death; whoever can
take it exclusively knows that no shim lives."""
RUN_SHIM: Final = "shim.json"
"""The shim's own identity and its agent's, once both run."""
RUN_STDOUT: Final = "stdout.log"
RUN_STDERR: Final = "stderr.log"
RUN_CUTS: Final = "cuts.json"
"""Byte ranges punched out of the two logs: ``{"stdout.log": [from, to]}``."""
RUN_EXIT: Final = "exit.json"
RUN_REAPED: Final = "reaped.json"
"""Left by whoever gave the run up, under the run's lock: it can never be launched
any more, however late its worker wakes up."""
RUN_SHIM_LOG: Final = "shim.log"
"""What the shim itself has to say."""
RUN_RESULT: Final = "result.msgpack"
"""A ``link.Result``; durable before it is said to anybody."""
RUN_WORKSPACE: Final = "workspace.msgpack"
"""Worktree, branch and base of the run; durable before its agent starts."""
RUN_OUTPUT: Final = "output.json"
"""What a call of kind ``python`` returned: ``{"output": …, "metrics": {…}}``."""
RUN_ACKNOWLEDGED: Final = "acknowledged"
"""Empty; there once the daemon has committed the result."""
RUN_ORDER: Final = "order"
"""The failure class of an order to end the run; there before it is carried out."""
RUN_PAPERS_DIR: Final = "papers"
"""What the agent is given to read: ticket, prompt, instructions."""
RUN_SPOOL_DIR: Final = "spool"
"""What the agent could not say to the daemon, for the worker to deliver."""
RUN_SPOOL_POISON_DIR: Final = "spool.refused"
"""Spooled files that are none; set aside."""
RUN_DIFF: Final = "diff.patch"
RUN_EXECUTION_LOG: Final = "execution.log"
"""The worker's own lines about the run, for ``kanbanctl run logs``."""

WORKER_LOCK_SUFFIX: Final = ".lock"
"""``workers/<id>.lock``: JSON ``{incarnation, boot_id, pid, start_ticks}``, flock held
by the living worker."""

"""Kind ``shell``: any command.

Decided here: a profile with an ``argv`` runs that template; the built-in profile has
none and runs the ticket's instructions, which are in a file, as ``sh -eu FILE``. The
output of a command means nothing to us: its exit status alone says how it ended.
"""

from pathlib import Path
from typing import Final

from kanban_worker.agents.program import Brief, SetupError, Start
from kanban_worker.core.routing import Told
from kanban_worker.core.template import TemplateError, fill_argv

BUILT_IN: Final = ("sh", "-eu", "{{instructions_file}}")


class Shell:
    """See the module."""

    def start(self, brief: Brief) -> Start:
        """Raises ``SetupError``."""
        template = brief.agent.argv or BUILT_IN
        if not brief.agent.argv and not brief.work.instructions.strip():
            raise SetupError(
                f"ticket {brief.work.ticket_id} has no instructions, and the agent "
                f"{brief.agent.name!r} runs them as a script; give it some, e.g. "
                "`kanbanctl add … -i 'ruff format .'`",
            )
        try:
            return Start(argv=fill_argv(template, brief.variables))
        except TemplateError as error:
            raise SetupError(f"agent {brief.agent.name!r}: {error}") from error

    def told(self, stdout: Path, stderr: Path) -> Told:  # noqa: ARG002  see Program
        """Nothing."""
        return Told()

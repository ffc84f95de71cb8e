"""Kind ``shell``: any command.

Decided here: a profile with an ``argv`` runs that template; the built-in profile has
none and runs the ticket's instructions, which are in a file, as ``sh -eu FILE``. Its
exit status says how a command ended, and what of its output means anything to us is one
line: ``Retry-After: SECONDS`` on its own, the last such line at the end of its stderr.
It counts where the profile calls the exit status ``rate_limited``.
"""

import os
import re
from pathlib import Path
from typing import Final

from kanban_worker.agents.program import Brief, SetupError, Start
from kanban_worker.core.routing import Told
from kanban_worker.core.template import TemplateError, fill_argv

_TAIL_BYTES: Final = 8_192
_RETRY_AFTER: Final = re.compile(rb"(?im)^retry-after:[ \t]*([0-9]{1,9})[ \t\r]*$")
"""As HTTP has it (RFC 9110, 10.2.3), but for dates."""

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

    def told(self, stdout: Path, stderr: Path) -> Told:  # noqa: ARG002 - see Program
        """When its provider wants it to come again, if it says so."""
        return Told(retry_after_s=_retry_after_s(stderr))


def _retry_after_s(stderr: Path) -> int:
    try:
        with stderr.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            tail = file.read(_TAIL_BYTES)
    except OSError:
        return 0
    said = _RETRY_AFTER.findall(tail)
    return int(said[-1]) if said else 0

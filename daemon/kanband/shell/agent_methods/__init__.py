"""The methods of ``io.kanban.agent``: one module each, named as the method.

Like those of the control interface (``kanband.shell.methods``), and each begins by
asking whom the call's token opens (``holding``). Nothing of another run can be reached
from here, and no token is logged or told.
"""

from typing import Final

from kanban_ipc import bounds
from kanban_ipc.agent import INTERFACE, METHODS
from kanband.shell.agent_methods.ask import ask
from kanband.shell.agent_methods.note import note
from kanband.shell.agent_methods.progress import progress
from kanband.shell.agent_methods.show import show
from kanband.shell.methods.api import Api

AGENT: Final = Api(
    interface=INTERFACE,
    methods=METHODS,
    once={"Progress": progress, "Note": note, "Ask": ask, "Show": show},
    streams={},
    waiting=frozenset(),
    request_bytes_max=bounds.AGENT_REQUEST_BYTES_MAX,
)

"""The interface of agent.sock: what an agent inside a run may say of its own run.

``io.kanban.agent.varlink`` beside this file is its description; ``tests/contract``
proves that the two are the same. Every call carries the run's token: it opens that run
and nothing else, and is good for nothing once the run has ended.

``Spooled`` is a call that could not be made, as a file in ``KANBAN_SPOOL_DIR``; the
run's worker delivers it later.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.control.errors import (
    InvalidArgument,
    NotPermitted,
    Refused,
    ShuttingDown,
    StoreFailed,
)
from kanban_ipc.words import Epoch, LogLevel, Priority, QuestionKind, RunId

INTERFACE: Final = "io.kanban.agent"
URL_SCHEME: Final = "unix:"
"""``KANBAN_API_URL`` is this and a socket's path."""


class ProgressCall(Call, frozen=True, kw_only=True):
    token: str
    percent: int
    text: str = ""
    """What it is at."""
    step: int = 0
    total_steps: int = 0


class NoteCall(Call, frozen=True, kw_only=True):
    token: str
    message: str
    level: LogLevel = "info"


class AskCall(Call, frozen=True, kw_only=True):
    token: str
    question: str
    choices: list[str] = msgspec.field(default_factory=list)
    kind: QuestionKind = "clarification"


class ShowCall(Call, frozen=True, kw_only=True):
    token: str


class HeardReply(Reply, frozen=True, kw_only=True):
    pass


class Asked(Data, frozen=True, kw_only=True):
    question: str
    answer: str
    kind: QuestionKind


class Task(Data, frozen=True, kw_only=True):
    """The run's own ticket, as it was given to it."""

    id: int
    title: str
    description_md: str
    instructions: str
    priority: Priority
    labels: list[str]
    branch: str
    run_id: str
    epoch: int
    attempt: int
    cancelled: bool
    asked: list[Asked]


class ShowReply(Reply, frozen=True, kw_only=True):
    task: Task


METHODS: Final[dict[str, Method]] = {
    "Progress": Method(ProgressCall, HeardReply),
    "Note": Method(NoteCall, HeardReply),
    "Ask": Method(AskCall, HeardReply),
    "Show": Method(ShowCall, ShowReply),
}


class StaleEpoch(Data, frozen=True, kw_only=True):
    """The token's run has ended, or another one holds its ticket."""

    run_id: str
    epoch: int
    message: str


ERRORS: Final[dict[str, type[Data]]] = {
    kind.__name__: kind
    for kind in (
        StaleEpoch,
        NotPermitted,
        InvalidArgument,
        Refused,
        ShuttingDown,
        StoreFailed,
    )
}

# ------------------------------------------------------------------ the spool

SpoolEpoch: TypeAlias = Annotated[Epoch, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
SPOOL_SUFFIX: Final = ".json"
SPOOL_FILE_BYTES_MAX: Final = 128 << 10
"""A question of 4,000 characters with its choices, all of them escaped, is half."""
SPOOL_FILES_MAX: Final = 1_000
"""What waits of one run; then nothing more is spooled."""


class Spooled(msgspec.Struct, frozen=True, kw_only=True):
    """One call, without its token; it names its own run."""

    schema: Literal[1] = 1
    run_id: RunId
    epoch: SpoolEpoch
    ts_ms: Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
    method: Literal["Progress", "Note", "Ask"]
    parameters: msgspec.Raw

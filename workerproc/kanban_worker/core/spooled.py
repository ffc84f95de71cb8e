"""What an agent could not say, read back from a spool file.

Decided here: what a spool file may hold. It comes from the agent, so anything may be
in it; what is not a call of this very run, within the bounds of the real socket, is
poison, and says why.
"""

from typing import Any, Final, TypeAlias

import msgspec

from kanban_ipc import agent, bounds
from kanban_ipc.agent import AskCall, NoteCall, ProgressCall, Spooled
from kanban_ipc.words import Epoch, RunId

SpooledCall: TypeAlias = ProgressCall | NoteCall | AskCall

_DECODER: Final = msgspec.json.Decoder(Spooled)
_CALLS: Final[dict[str, Any]] = {
    "Progress": ProgressCall,
    "Note": NoteCall,
    "Ask": AskCall,
}


class Poison(Exception):
    """It will never be delivered; the text says why."""


def read(data: bytes, run_id: RunId, epoch: Epoch) -> tuple[int, SpooledCall]:
    """(wall time in ms, call). Raises ``Poison``."""
    if len(data) > agent.SPOOL_FILE_BYTES_MAX:
        raise Poison(f"it has more than {agent.SPOOL_FILE_BYTES_MAX} bytes")
    try:
        spooled = _DECODER.decode(data)
        fields = msgspec.json.decode(spooled.parameters, type=dict[str, Any])
        call: SpooledCall = msgspec.convert(
            {**fields, "token": ""}, type=_CALLS[spooled.method]
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Poison(f"it is no call: {error}") from error
    if (spooled.run_id, spooled.epoch) != (run_id, epoch):
        raise Poison("it names another run")
    if flaw := _flaw(call):
        raise Poison(flaw)
    return spooled.ts_ms, call


def _flaw(call: SpooledCall) -> str:
    match call:
        case ProgressCall():
            numbers = (call.step, call.total_steps)
            sound = 0 <= call.percent <= 100 and all(  # noqa: PLR2004 - per cent
                0 <= number <= bounds.STEPS_MAX for number in numbers
            )
            return "" if sound else "its numbers are out of bounds"
        case NoteCall():
            return _flaw_of_text(call.message, bounds.MESSAGE_CHARS_MAX)
        case AskCall():
            if len(call.choices) > bounds.CHOICES_MAX:
                return "it has too many choices"
            flaws = [_flaw_of_text(call.question, bounds.MESSAGE_CHARS_MAX)] + [
                _flaw_of_text(each, bounds.CHOICE_CHARS_MAX) for each in call.choices
            ]
            return next(filter(None, flaws), "")


def _flaw_of_text(text: str, chars_max: int) -> str:
    if not text.strip() or "\0" in text or len(text) > chars_max:
        return f"a text of it is empty, longer than {chars_max}, or has a NUL"
    return ""

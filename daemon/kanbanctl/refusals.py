"""What the daemon's error replies are to a person."""

from collections.abc import Mapping

import msgspec

from kanban_ipc import varlink
from kanban_ipc.control.base import INTERFACE, Data
from kanbanctl.failures import Failure, NoAnswer, Refused


class RefusedWith(Refused):
    """The daemon said no with one of the interface's errors."""

    def __init__(self, name: str, error: Data) -> None:
        """``error``: an instance of ``ERRORS[name]``."""
        super().__init__(str(getattr(error, "message", name)), kind=name)
        self.error = error


def garbage(detail: str) -> NoAnswer:
    """For an answer that is none."""
    return NoAnswer(
        f"what answers at the socket does not speak as kanband does ({detail:.200}). "
        "Is it kanband's control.sock, and is kanbanctl of the same version?",
        kind="Garbage",
    )


def refusal(name: str, parameters: msgspec.Raw) -> Failure:
    """The ``Failure`` for an error reply; ``name`` is fully qualified."""
    interface, _, short = name.rpartition(".")
    known = _errors_of(interface)
    if short in known:
        try:
            error = msgspec.json.decode(parameters, type=known[short])
            return RefusedWith(short, error)
        except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
            return garbage(str(failure))
    if interface == varlink.SERVICE:
        return _service_refusal(short, bytes(parameters))
    return Refused(
        f"kanband refused with {name!r:.100}, which this kanbanctl does not know; is "
        "it of the same version?",
        kind=short or "Unknown",
    )


def _errors_of(interface: str) -> Mapping[str, type[Data]]:
    # Most calls are not refused.
    from kanban_ipc import agent  # noqa: PLC0415 (start-up time)
    from kanban_ipc.control.errors import ERRORS  # noqa: PLC0415

    known = {INTERFACE: ERRORS, agent.INTERFACE: agent.ERRORS}
    return known.get(interface, {})


def _service_refusal(name: str, parameters: bytes) -> Refused:
    detail = parameters.decode("utf-8", "replace")
    if name in {"MethodNotFound", "MethodNotImplemented", "InterfaceNotFound"}:
        message = (
            f"the daemon does not know this command ({name} {detail:.100}); it is of "
            "another version than kanbanctl. Restart it, or install the same version."
        )
    elif name == "InvalidParameter":
        message = (
            f"the daemon does not accept a value of this call ({detail:.200}). Look at "
            "the command with -h; if that is in order, the versions differ."
        )
    elif name == "PermissionDenied":
        message = "kanband does not answer this account. Use the account it runs under."
    else:
        message = f"kanband refused the call: {name} {detail:.200}."
    return Refused(message, kind=name)

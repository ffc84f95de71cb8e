"""Work for the system while it is broken: tickets, and people who change their minds.

A thread of its own, so that a stopped daemon holds up nobody but its callers. What was
acknowledged is remembered: that is what must be there in the end. A call that got no
answer may have been carried out or not; an addition is then made again under its key.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Self, TypeVar

from chaos.ground import Ground
from kanban_ipc import control
from kanban_ipc.words import TicketState
from support.control import CallFailed

R = TypeVar("R", bound=control.Reply)

Kind = Literal["plain", "family", "deaf", "repository", "noop", "asks"]
KINDS: Final[dict[Kind, int]] = {
    "plain": 6,
    "family": 3,
    "deaf": 2,
    "repository": 3,
    "noop": 3,
    "asks": 1,
}
"""How often: with children in sessions of their own, deaf to SIGTERM, and so on."""
IN_FLIGHT_MAX: Final = 12
"""Tickets not yet done, or a slow machine would only pile them up."""
UNDONE: Final[tuple[TicketState, ...]] = ("ready", "assigned", "working")
PAUSE_S: Final = 0.08
PATIENCE_S: Final = 1.0
_BEGIN: Final = 'echo "begins $KANBAN_EPOCH" >> {effects}\n'
_END: Final = 'echo "ends $KANBAN_EPOCH" >> {effects}\n'
_SCRIPTS: Final[dict[Kind, str]] = {
    "plain": _BEGIN + "sleep {s}\n" + _END,
    "family": _BEGIN + "setsid sleep 300 &\nsetsid sh -c 'sleep 300 & sleep 300' &\n"
    "sleep {s}\n" + _END,
    "deaf": "trap '' TERM\n" + _BEGIN + "setsid sleep 300 &\nsleep {s}\n" + _END,
    "repository": _BEGIN + "sleep {s}\necho $KANBAN_EPOCH >> poem.txt\n" + _END,
    "noop": "",
    "asks": '[ -n "$KANBAN_ANSWER" ] || kanbanctl ask "Which?"\n',
}


class Load:
    def __init__(self, ground: Ground, seed: int, repository: Path) -> None:
        self.ground = ground
        self.kinds: dict[str, Kind] = {}
        """Of every ticket that was ever tried to be added, by its key."""
        self.ids: dict[str, int] = {}
        """What was acknowledged."""
        self.cancelled: set[int] = set()
        """Whose cancel was acknowledged."""
        self.counts: Counter[str] = Counter()
        self._dice = random.Random(f"load of {seed}")
        self._repository = repository
        self._wanted: list[control.NewTicket] = []
        self._paused = False
        self._enough = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="load")
        self._deeds: tuple[tuple[int, Callable[[], None]], ...] = (
            (20, self._add),
            (2, self._cancel),
            (1, self._requeue),
            (2, self._retry),
            (2, self._answer),
            (1, self._pause),
            (1, self._look),
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def settle(self) -> None:
        """The disturbances are over: what was not acknowledged is said again."""
        self._resume()
        while self._wanted:
            self._say_again()

    def key_of(self, ticket_id: int) -> str:
        return next(key for key, number in self.ids.items() if number == ticket_id)

    def effects(self, key: str) -> Path:
        return self.ground.effects / key

    def _work(self) -> None:
        weights = [weight for weight, _ in self._deeds]
        while not self._enough.wait(PAUSE_S):
            [(_, deed)] = self._dice.choices(self._deeds, weights)
            try:
                deed()
            except (OSError, CallFailed) as error:
                # A daemon that is dead, stopped, full or short of descriptors.
                self.counts[f"unanswered: {type(error).__name__}"] += 1
            except BaseException as error:  # noqa: BLE001 - raised where it is joined
                self._failure = error
                return

    def _ask(self, wish: control.Call, reply: type[R]) -> R:
        return self.ground.ask(wish, reply, PATIENCE_S)

    # ----------------------------------------------------------------- additions

    def _add(self) -> None:
        if self._wanted:
            self._say_again()
        elif len(self._in_flight()) < IN_FLIGHT_MAX:
            self._wanted.append(self._ticket())
            self._say_again()

    def _in_flight(self) -> list[int]:
        wish = control.ListCall(states=list(UNDONE), limit=100)
        return [t.id for t in self._ask(wish, control.ListReply).tickets]

    def _ticket(self) -> control.NewTicket:
        [kind] = self._dice.choices(list(KINDS), list(KINDS.values()))
        key = f"{kind}-{len(self.kinds)}"
        self.kinds[key] = kind
        script = _SCRIPTS[kind].format(
            effects=self.effects(key), s=f"{self._dice.uniform(0.05, 2) ** 1.5:.2f}"
        )
        return control.NewTicket(
            title=f"Chaos {key}",
            key=key,
            agent="noop" if kind == "noop" else "shell",
            instructions=script,
            repo_path=str(self._repository) if kind == "repository" else None,
            max_retries=100,
        )

    def _say_again(self) -> None:
        ticket = self._wanted[0]
        wish = control.AddCall(ticket=ticket, ready=True)
        reply = self._ask(wish, control.AddReply)
        assert ticket.key is not None
        self.ids[ticket.key] = reply.id
        self._wanted.pop(0)
        self.counts["added" if reply.created else "added before, unheard"] += 1

    # ------------------------------------------------------------ changes of mind

    def _cancel(self) -> None:
        ticket_id = self._some()
        wish = control.CancelCall(ids=[ticket_id], wait=False)
        self._ask(wish, control.CancelledReply)
        self.cancelled.add(ticket_id)
        self.counts["cancelled"] += 1

    def _requeue(self) -> None:
        wish = control.CancelCall(ids=[self._some()], requeue=True, wait=False)
        self._ask(wish, control.CancelledReply)
        self.counts["requeued"] += 1

    def _retry(self) -> None:
        wish = control.RetryCall(ids=[self._some("in_review")])
        self._ask(wish, control.TicketsReply)
        self.counts["retried"] += 1

    def _answer(self) -> None:
        wish = control.AnswerCall(id=self._some("needs_input"), text="this")
        self._ask(wish, control.TicketReply)
        self.counts["answered"] += 1

    def _some(self, *states: TicketState) -> int:
        """A ticket in one of these states; one that is not done."""
        wish = control.ListCall(states=list(states or UNDONE), limit=100)
        found = self._ask(wish, control.ListReply).tickets
        if not found:
            raise CallFailed("nobody", {})
        return self._dice.choice(found).id

    def _pause(self) -> None:
        if self._paused:
            self._resume()
            return
        self._ask(control.QueuePauseCall(), control.QueueReply)
        self._paused = True
        self.counts["paused"] += 1

    def _resume(self) -> None:
        self._ask(control.QueueResumeCall(), control.QueueReply)
        self._paused = False

    def _look(self) -> None:
        """As a person would: through ``kanbanctl``."""
        done = self.ground.ctl("status", check=False, timeout_s=30)
        self.counts[f"kanbanctl status: exit {done.returncode}"] += 1

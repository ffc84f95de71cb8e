"""``Ask``: what a run's agent needs to be told before it can go on."""

from kanban_ipc.agent import AskCall, HeardReply
from kanban_ipc.bounds import CHOICE_CHARS_MAX, CHOICES_MAX
from kanband.shell.agent_methods.holding import held, stale
from kanband.shell.agent_methods.texts import checked
from kanband.shell.methods.answers import invalid
from kanband.shell.ports import Daemon
from kanband.store.values import RunQuestion


async def ask(daemon: Daemon, call: AskCall) -> HeardReply:
    """Kept before it is answered; nothing moves before the run has ended."""
    holder, _work = held(daemon, call.token)
    now_ms = daemon.clock.now_ms()
    question = RunQuestion(
        run_id=holder.run_id,
        epoch=holder.epoch,
        asked_ms=now_ms,
        kind=call.kind,
        text=checked("question", call.question),
        choices=_choices(call.choices),
    )
    (kept,) = await daemon.store.do(
        lambda verbs: verbs.ask([question], now_ms=now_ms),
    )
    if not kept:
        raise stale(holder)
    return HeardReply()


def _choices(texts: list[str]) -> tuple[str, ...]:
    if len(texts) > CHOICES_MAX:
        raise invalid("choices", f"are {len(texts)}; at most {CHOICES_MAX} are taken")
    checked_ones = [checked("choices", each, CHOICE_CHARS_MAX) for each in texts]
    return tuple(dict.fromkeys(checked_ones))

"""``progress``: how far the run is that this is said in."""

import re

import click

from kanban_ipc.agent import ProgressCall
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.voice import Voice

_STEP = re.compile(r"([0-9]{1,6})(?:/([0-9]{1,6}))?", re.ASCII)


def step(text: str) -> tuple[int, int]:
    """``2/5``, or ``2`` where nobody knows how many there are."""
    found = _STEP.fullmatch(text)
    if found is None:
        raise click.BadParameter("write it as 2/5, or as 2.")
    return int(found[1]), int(found[2] or 0)


@click.command("progress", cls=Command)
@click.argument("percent", type=click.IntRange(0, 100), metavar="PERCENT")
@click.argument("text", default="")
@click.option("--step", "steps", type=step, metavar="N/M", help="Step N of M.")
@click.pass_obj
def command(
    session: Session,
    *,
    percent: int,
    text: str,
    steps: tuple[int, int] | None,
) -> None:
    """Say how far this run is, and what it is at.

    For agents, inside a run. 'kanbanctl run show' and 'status' show it.
    """
    voice = Voice(session)
    number, total = steps or (0, 0)
    call = ProgressCall(
        token=voice.run.token,
        percent=percent,
        text=text,
        step=number,
        total_steps=total,
    )
    voice.call("Progress", call)

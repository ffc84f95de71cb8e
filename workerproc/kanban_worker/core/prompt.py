"""What an agent is told: the prompt, and the ticket as Markdown.

Decided here: which parts there are and in which order. The built-in prompt has
title, description, instructions, a sentence for the priority (none for medium),
labels, the working directory, the previous failure on a retry, what was asked and
answered before, and how to say how far the work is, that it is done, that it must wait
or that it needs a person's word. A profile's ``prompt_template`` replaces all of it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from kanban_ipc.link import Exchange, Work
from kanban_ipc.words import Priority
from kanban_worker.core.template import fill

PRIORITY_SENTENCES: Final[Mapping[Priority, str]] = {
    "urgent": "This is urgent: do it directly and leave everything else alone.",
    "high": "This has high priority.",
    "medium": "",
    "low": "This has low priority: prefer the simplest change that does it.",
}

REPORTING: Final = (
    "Work in the working directory only. You need not commit: what is left there is "
    "committed for you when you end well. End with exit status 0 when the work is "
    "done, with 75 when it cannot be done now and shall be tried again later, and "
    "with any other status when it failed."
)
ASKING: Final = (
    "Say how far you are with: kanbanctl progress PERCENT [TEXT]. Keep a line for "
    "people with: kanbanctl note TEXT. When you cannot go on without a person's word, "
    "run: kanbanctl ask QUESTION [--choice ANSWER]... (or with --permission, to be "
    "allowed something), and then end at once. Nobody answers meanwhile: you are "
    "started again, in the same directory, with question and answer in this text."
)


def ticket_markdown(work: Work) -> str:
    """The ticket as people wrote it: title, facts, description, instructions."""
    facts = [f"Ticket {work.ticket_id}", work.priority, work.task_type, *work.labels]
    parts = [f"# {work.title}", ", ".join(facts)]
    if work.description_md.strip():
        parts.append(work.description_md.strip())
    if work.instructions.strip():
        parts.append(f"## Instructions\n\n{work.instructions.strip()}")
    if work.exchanges:
        parts.append(exchanges_markdown(work.exchanges))
    return "\n\n".join(parts) + "\n"


def exchanges_markdown(exchanges: Sequence[Exchange]) -> str:
    """What earlier runs asked, and what they were answered, the oldest first."""
    parts = ["## Asked and answered"]
    for one in exchanges:
        what = "Asked for permission" if one.kind == "permission" else "Asked"
        parts.append(f"{what}:\n\n{_quoted(one.question)}")
        parts.append(f"Answered:\n\n{_quoted(one.answer)}")
    return "\n\n".join(parts)


def _quoted(text: str) -> str:
    """So that no text is taken for another's heading."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def prompt(work: Work, directory: str, values: Mapping[str, str], template: str) -> str:
    """The prompt's text.

    ``directory`` is where the agent starts; ``values`` are the template's variables.
    Raises ``TemplateError`` for a template that names an unknown one.
    """
    if template:
        return fill(template, values)
    parts = [f"# {work.title}"]
    if work.description_md.strip():
        parts.append(work.description_md.strip())
    if work.instructions.strip():
        parts.append(f"## Instructions\n\n{work.instructions.strip()}")
    if sentence := PRIORITY_SENTENCES[work.priority]:
        parts.append(sentence)
    if work.labels:
        parts.append(f"Labels: {', '.join(work.labels)}")
    parts.append(f"Working directory: {directory}")
    if work.previous_failure:
        parts.append(_failure(work.previous_failure))
    if work.exchanges:
        parts.append(exchanges_markdown(work.exchanges))
    parts += [REPORTING, ASKING]
    return "\n\n".join(parts) + "\n"


def _failure(previous: str) -> str:
    return (
        "## The previous attempt failed\n\n"
        f"{previous.strip()}\n\n"
        "What it left behind is still in the working directory. Look at it first."
    )

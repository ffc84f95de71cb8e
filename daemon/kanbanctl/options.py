"""Arguments and options that several commands have, with the same words for each.

Decorators, to stand above a command as click's own do. Absent: those of every command
(``parsing.GLOBAL``), and what a value may be (``argument_types``).
"""

from typing import Final

import click

from kanban_ipc.words import TASK_TYPES
from kanbanctl.argument_types import ticket_id
from kanbanctl.completing import run_words, ticket_words, worker_words

# ------------------------------------------------------------------- what it is about

TICKETS: Final = click.argument(
    "ids",
    nargs=-1,
    required=True,
    type=ticket_id,
    metavar="TICKET...",
    shell_complete=ticket_words,
)
TICKET: Final = click.argument(
    "ticket_id", type=ticket_id, metavar="TICKET", shell_complete=ticket_words
)
OF_TICKET: Final = click.option(
    "--ticket",
    "ticket_id",
    type=ticket_id,
    metavar="TICKET",
    shell_complete=ticket_words,
)
WORKERS: Final = click.argument(
    "workers", nargs=-1, metavar="[WORKER]...", shell_complete=worker_words
)
RUN: Final = click.argument("run", shell_complete=run_words)

# ------------------------------------------------------------------ stopping a worker

EVERY_WORKER: Final = click.option(
    "--all", "everything", is_flag=True, help="Every worker."
)
NOW: Final = click.option(
    "--now", is_flag=True, help="End running work instead of waiting for it."
)

# ------------------------------------------------------------------ a ticket's fields

DESCRIPTION: Final = click.option("-d", "--description", help="In Markdown.")
DESCRIPTION_FILE: Final = click.option(
    "--file",
    type=click.File(encoding="utf-8"),
    help="The description is in this file; - is standard input.",
)
INSTRUCTIONS: Final = click.option(
    "-i", "--instructions", help="What the agent shall do."
)
BOARD: Final = click.option("--board", help="Default: main.")
REPOSITORY: Final = click.option(
    "--repo", metavar="PATH", help="The git repository to work on."
)
BASE: Final = click.option(
    "--base", metavar="BRANCH", help="Where the work begins; else HEAD."
)
AGENT: Final = click.option("--agent", help="Who does it; default: any.")
MODEL: Final = click.option("--model", help="For agents that have several.")
PRIORITY: Final = click.option(
    "--priority", help="urgent, high, medium, low, or 1 to 10 (10 first)."
)
LABELS: Final = click.option(
    "--label", "labels", multiple=True, help="May be given several times."
)
TASK_TYPE: Final = click.option("--type", "task_type", type=click.Choice(TASK_TYPES))
DUE: Final = click.option(
    "--at", metavar="TIME", help="Not before: 18:30, +90m, or a date."
)
TIME_LIMIT: Final = click.option(
    "--time-limit", metavar="TIME", help="Of one run, such as 20m."
)
ESTIMATE: Final = click.option(
    "--estimate", metavar="TIME", help="How long it will take."
)

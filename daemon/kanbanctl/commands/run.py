"""``run``: what can be done with one run."""

from kanbanctl.parsing import Group

command = Group(
    "run",
    help="Look at runs, and end them.\n\nRUN is a run's id, the beginning of one, or a "
    "ticket's number for its latest run.",
    sections={
        "Commands": {
            name: f"kanbanctl.commands.run_{name}"
            for name in ("show", "logs", "events", "diff", "cancel")
        },
    },
    no_args_is_help=True,
)

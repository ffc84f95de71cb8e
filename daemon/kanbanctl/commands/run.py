"""``run``: what can be done with one run."""

from kanbanctl.parsing import Group

command = Group(
    "run",
    help="Show and end runs.\n\nRUN is a run's id, the beginning of one, or a ticket's "
    "number for its latest run.",
    sections={
        "Commands": {
            name: f"kanbanctl.commands.run_{name}"
            for name in ("show", "logs", "diff", "cancel")
        },
    },
    no_args_is_help=True,
)

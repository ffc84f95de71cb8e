"""``queue``: the queue as a whole."""

from kanbanctl.parsing import Group

command = Group(
    "queue",
    help="Look at the queue, pause it, resume it.",
    sections={
        "Commands": {
            name: f"kanbanctl.commands.queue_{name}"
            for name in ("status", "pause", "resume")
        },
    },
    no_args_is_help=True,
)

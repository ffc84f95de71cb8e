"""``schedule``: tickets that come again and again."""

from kanbanctl.parsing import Group

command = Group(
    "schedule",
    help="Have tickets made at the times of a cron expression.",
    sections={
        "Commands": {
            name: f"kanbanctl.commands.schedule_{name}"
            for name in ("add", "list", "show", "pause", "resume", "remove")
        },
    },
    no_args_is_help=True,
)

"""``service``: kanband under systemd."""

from kanbanctl.parsing import Group

command = Group(
    "service",
    help="Have systemd run kanband: put its units in place, or take them away.",
    sections={
        "Commands": {
            name: f"kanbanctl.commands.service_{name}"
            for name in ("install", "uninstall", "status")
        },
    },
    no_args_is_help=True,
)

"""``boards``: every board, and what can be done with them."""

from kanbanctl.parsing import Group

command = Group(
    "boards",
    help="List the boards; make, change, rename and delete them.",
    sections={
        "Commands": {
            name: f"kanbanctl.commands.boards_{name}"
            for name in ("list", "add", "edit", "rename", "delete")
        },
    },
    default="list",
)

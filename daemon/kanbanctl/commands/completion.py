"""``completion``: what a shell needs to complete our command lines."""

from typing import Final

import click

from kanbanctl.parsing import Command
from kanbanctl.session import Session

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_KANBANCTL_COMPLETE"
"""With it in the environment ``kanbanctl`` answers a shell; the name is click's."""


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_obj
def command(session: Session, *, shell: str) -> None:
    """Print the completion script of a SHELL: bash, zsh or fish.

    Commands and options are completed, and the numbers of tickets, runs and workers,
    as the daemon knows them.

    \b
    bash, in ~/.bashrc:   eval "$(kanbanctl completion bash)"
    zsh, in ~/.zshrc:     eval "$(kanbanctl completion zsh)"
    fish, in config.fish: kanbanctl completion fish | source
    """  # noqa: D301 - click's mark
    from click.shell_completion import (  # noqa: PLC0415 (start-up time)
        ShellComplete,
        get_completion_class,
    )

    kind = get_completion_class(shell)
    assert kind is not None, shell
    made = kind(click.Command("kanbanctl"), {}, "kanbanctl", VARIABLE)
    # Not bash's own ``source``, which first starts a bash to ask for its version.
    session.output.raw(ShellComplete.source(made).rstrip("\n") + "\n")

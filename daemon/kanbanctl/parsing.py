"""How command lines are read: click, with options that may stand anywhere.

``--json`` and the other options of ``GLOBAL`` are known to every command and to the
groups, so that ``kanbanctl status --json`` and ``kanbanctl --json status`` are one.
A ``Group`` imports a command's module when it is asked for it, not before.
"""

import gc
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

from kanbanctl.argument_types import seconds
from kanbanctl.session import Session

CONTEXT: Mapping[str, Any] = {"help_option_names": ["-h", "--help"]}


def require_some(workers: Sequence[str], *, everything: bool) -> None:
    """Workers by name or all of them: one of the two."""
    if bool(workers) == everything:
        raise click.UsageError("Name workers, or give --all for every one.")


def text_of(file: TextIO) -> str:
    """Everything in an option's file."""
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file.name} is not UTF-8: {error.reason}.") from error
    except OSError as error:
        raise click.UsageError(f"{file.name}: {error.strerror}.") from error


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    session = ctx.ensure_object(Session)
    if value is not None and param.name is not None:
        setattr(session, param.name, value)


def _option(*names: str, **settings: Any) -> click.Option:
    return click.Option(
        names,
        expose_value=False,
        callback=_remember,
        default=None,
        **settings,
    )


GLOBAL: Sequence[click.Option] = (
    _option(
        "as_json", "--json", is_flag=True, help="Print JSON (schema 1), times in UTC."
    ),
    _option(
        "--socket", metavar="PATH", help="The daemon's socket (else KANBAN_SOCKET)."
    ),
    _option(
        "timeout_s",
        "--timeout",
        type=seconds,
        metavar="TIME",
        help="Wait so long for an answer, such as 90s or 5m; then exit 75.",
    ),
    _option("color", "--no-color", flag_value=False, help="No colours."),
)


class _WithGlobalOptions(click.Command):
    """Adds ``GLOBAL`` and shows it apart."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own and those known everywhere."""
        return [*super().get_params(ctx), *GLOBAL]

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Its own options, then those known everywhere."""
        own = [
            param.get_help_record(ctx)
            for param in super().get_params(ctx)
            if isinstance(param, click.Option)
        ]
        everywhere = [p.get_help_record(ctx) for p in GLOBAL]
        for title, records in (("Options", own), ("Options everywhere", everywhere)):
            with formatter.section(title):
                formatter.write_dl([record for record in records if record])


class Command(_WithGlobalOptions):
    """A command."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        """As click's."""
        settings.setdefault("context_settings", CONTEXT)
        super().__init__(*args, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. What was imported stays for good, so it is never collected."""
        gc.freeze()
        gc.enable()
        return super().invoke(ctx)


class Group(_WithGlobalOptions, click.Group):
    """Commands by name, imported when they are asked for."""

    def __init__(
        self,
        *args: Any,
        sections: Mapping[str, Mapping[str, str]],
        default: str = "",
        **settings: Any,
    ) -> None:
        """``sections``: heading → command → its module, which has a ``command``.

        ``default``: the command that is meant where none is named.
        """
        settings.setdefault("context_settings", CONTEXT)
        super().__init__(*args, **settings)
        self._sections = sections
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """``boards --json`` is ``boards list --json``."""
        is_help = bool({"-h", "--help"} & set(args))
        if self._default and not is_help and not self._named(args):
            args = [self._default, *args]
        return super().parse_args(ctx, args)

    def _named(self, args: Sequence[str]) -> bool:
        """Whether a word that is no option's stands there: a command, or a mistake."""
        valued = {name for one in GLOBAL if not one.is_flag for name in one.opts}
        before = ["", *args]
        return any(
            not word.startswith("-") and previous not in valued
            for previous, word in zip(before, args, strict=False)
        )

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        """Their names, in the order of the help."""
        return [name for section in self._sections.values() for name in section]

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's)
        cmd_name: str,
    ) -> click.Command | None:
        """The command of that name, imported now."""
        for section in self._sections.values():
            if module := section.get(cmd_name):
                command = importlib.import_module(module).command
                assert isinstance(command, click.Command), module
                return command
        return None

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Options, then commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """A section for each topic."""
        for heading, section in self._sections.items():
            rows: list[tuple[str, str]] = []
            for name in section:
                found = self.get_command(ctx, name)
                assert found is not None
                rows.append((name, found.get_short_help_str(limit=62)))
            with formatter.section(heading):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; an unknown name is answered with the nearest known one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(self._unknown(args[0]), error.ctx or ctx) from error

    def _unknown(self, name: str) -> str:
        from difflib import get_close_matches  # noqa: PLC0415 (only after a mistake)

        known = [name for section in self._sections.values() for name in section]
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"There is no command {name!r:.60}.{hint}"

"""``python -m kanbanctl.manpages FOLDER``: a manual page for each command.

Made from what ``--help`` shows, so that the two cannot differ. The language is that of
man(7). Absent: installing them.
"""

import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from pathlib import Path

import click

from kanban_ipc.version import VERSION
from kanbanctl.cli import ROOT
from kanbanctl.parsing import GLOBAL

SECTION = 1


def main(arguments: Sequence[str]) -> int:
    """Write the pages; the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m kanbanctl.manpages FOLDER\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (folder / f"{name}.{SECTION}").write_text(text, "utf-8")
    return 0


def pages() -> Iterator[tuple[str, str]]:
    """Name and text of each: ``kanbanctl``, ``kanbanctl-run-show`` and so on."""
    root = click.Context(ROOT, info_name="kanbanctl", **ROOT.context_settings)
    yield from _pages(ROOT, root)


def _pages(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield ctx.command_path.replace(" ", "-"), "\n".join(_page(command, ctx)) + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from _pages(inner, _context(inner, name, ctx))


def _context(command: click.Command, name: str, above: click.Context) -> click.Context:
    settings = command.context_settings
    return click.Context(command, info_name=name, parent=above, **settings)


def _page(command: click.Command, ctx: click.Context) -> Iterator[str]:
    name = ctx.command_path.replace(" ", "-")
    yield f'.TH "{name.upper()}" "{SECTION}" "" "kanband {VERSION}" "kanband"'
    yield ".SH NAME"
    yield f"{_plain(name)} \\- {_plain(command.get_short_help_str(200).rstrip('.:'))}"
    yield ".SH SYNOPSIS"
    usage = " ".join(command.collect_usage_pieces(ctx))
    yield f"\\fB{_plain(ctx.command_path)}\\fR {_plain(usage)}"
    yield ".SH DESCRIPTION"
    yield from _prose(command.help or "")
    own = [p for p in command.get_params(ctx) if p not in GLOBAL]
    yield from _options("OPTIONS", own, ctx)
    yield from _options("OPTIONS EVERYWHERE", GLOBAL, ctx)
    if isinstance(command, click.Group):
        yield ".SH COMMANDS"
        for inner in command.list_commands(ctx):
            found = command.get_command(ctx, inner)
            assert found is not None
            yield from _entry(
                f"{name}-{inner}({SECTION})", found.get_short_help_str(200)
            )
    if command.epilog:
        yield ".SH EXIT STATUS"
        yield from _prose(command.epilog)
    if ctx.parent is not None:
        yield ".SH SEE ALSO"
        yield f"\\fB{_plain(ctx.parent.command_path.replace(' ', '-'))}\\fR({SECTION})"


def _options(
    title: str, params: Sequence[click.Parameter], ctx: click.Context
) -> Iterator[str]:
    records = [record for p in params if (record := p.get_help_record(ctx))]
    if records:
        yield f".SH {title}"
        for names, text in records:
            yield from _entry(names, text)


def _entry(head: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{_plain(head)}\\fR"
    yield _line(text)


def _prose(text: str) -> Iterator[str]:
    """Click's paragraphs; one that begins with a backspace keeps its lines."""
    for number, paragraph in enumerate(cleandoc(text).strip().split("\n\n")):
        if number:
            yield ".PP"
        lines = [line.strip("\b") for line in paragraph.split("\n")]
        if paragraph.startswith("\b"):
            yield ".nf"
            yield from (_line(line) for line in lines if line)
            yield ".fi"
        else:
            yield from (_line(line.strip()) for line in lines)


def _line(text: str) -> str:
    """A line of text: at its beginning, a dot or an apostrophe would be a request."""
    plain = _plain(text)
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def _plain(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

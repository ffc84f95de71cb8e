"""Templates: ``{{name}}`` in an argument, a profile's environment or a prompt.

Decided here: one pass, so that a value that itself contains ``{{…}}`` stays as it is;
an argument is never split, joined or read by a shell. A name that is not known is
an error rather than an empty string.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

ARGUMENT_BYTES_MAX: Final = (128 << 10) - 1
"""The kernel's MAX_ARG_STRLEN without its NUL: execve(2)."""

_VARIABLE: Final = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")


class TemplateError(Exception):
    """A template cannot be filled in; the text is for people."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with every variable replaced. Raises ``TemplateError``."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            known = " ".join(f"{{{{{each}}}}}" for each in sorted(values))
            raise TemplateError(
                f"the template names {{{{{name}}}}}, which there is not; use: {known}",
            )
        return values[name]

    return _VARIABLE.sub(value, text)


def fill_argv(argv: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Each argument filled in, each still one argument. Raises ``TemplateError``."""
    return tuple(_checked(fill(each, values), each) for each in argv)


def _checked(argument: str, template: str) -> str:
    if "\0" in argument:
        raise TemplateError(
            f"the argument {template!r} would contain a NUL byte, which no program "
            "can be given; remove it from the ticket",
        )
    if len(argument.encode("utf-8", "surrogateescape")) > ARGUMENT_BYTES_MAX:
        raise TemplateError(
            f"the argument {template!r} would be longer than the kernel allows "
            f"({ARGUMENT_BYTES_MAX} bytes); let the program read {{{{prompt_file}}}} "
            "or {{ticket_json}} instead",
        )
    return argument

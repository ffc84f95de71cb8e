"""On which line of a TOML document a key stands.

``tomllib`` keeps no positions, and a library that does is a dependency for one
number. So the document, which ``tomllib`` has accepted before, is read once more for
its shape alone: headers, keys, and values that are skipped. Keys inside an inline
table are not looked for; they stand on its line.

Source: TOML 1.0.0, sections "Keys", "String", "Table", "Array".
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

KeyPath = tuple[str, ...]

_TOKEN: Final = re.compile(
    r"""
    (?P<string>
        "{3} (?: \\. | [^\\] )*? "{3,5} (?!")
      | '{3} .*? '{3,5} (?!')
      | " (?: \\. | [^"\\\n] )* "
      | ' [^'\n]* '
    )
    | (?P<comment> \# [^\n]* )
    | (?P<newline> \n )
    | (?P<space> [ \t\r]+ )
    | (?P<bare> [A-Za-z0-9_+:-]+ )
    | (?P<mark> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_OPENING: Final = frozenset("[{")
_CLOSING: Final = frozenset("]}")


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """Every table's and key's first line, from 1. ``text`` is valid TOML."""
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, tokens in _statements(text):
        if tokens[0] == "[":
            table = _key(each for each in tokens if each not in _OPENING | _CLOSING)
            found.setdefault(table, line)
        else:
            found.setdefault(table + _key(tokens[: tokens.index("=")]), line)
    return found


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of a key, or of the nearest table or key around it."""
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return None


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each header or ``key = value``: its first line, and its tokens without spaces."""
    line, start, depth = 1, 1, 0
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match.lastgroup == "newline" and depth == 0 and tokens:
            yield start, tokens
            tokens = []
        elif match.lastgroup in ("string", "bare", "mark"):
            start = start if tokens else line
            tokens.append(token)
            depth += (token in _OPENING) - (token in _CLOSING)
        line += token.count("\n")
    if tokens:
        yield start, tokens


def _key(tokens: Iterator[str] | list[str]) -> KeyPath:
    return tuple(_unquoted(each) for each in tokens if each != ".")


def _unquoted(word: str) -> str:
    if word.startswith('"'):
        # TOML's \UXXXXXXXX is the one escape of a basic string that JSON lacks; such
        # a key is not one of ours, and only its line is wanted.
        try:
            return str(json.loads(word))
        except ValueError:
            return word
    return word.strip("'")

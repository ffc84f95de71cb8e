"""A reader of Varlink interface descriptions, as far as this project writes them.

Source: the protocol's page (varlink.org, "Interface Definition"). What is read is
checked against the grammar's names; comments are kept with what they precede. Absent:
``any``, which is younger than many readers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

TOKEN = re.compile(
    r"(?P<space>[ \t\n]+)|(?P<comment>#[^\n]*)|(?P<arrow>->)|(?P<array>\[\])"
    r"|(?P<map>\[string\])|(?P<mark>[():,?])|(?P<word>[A-Za-z][A-Za-z0-9._-]*)",
)
FIELD_NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
MEMBER_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
INTERFACE_NAME = re.compile(r"[a-z](-*[a-z0-9])*(\.[a-z0-9](-*[a-z0-9])*)+")


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    """Without spaces: ``?[]Run``, ``(run,stop)``."""
    comment: str


@dataclass(frozen=True)
class Member:
    kind: Literal["type", "method", "error"]
    name: str
    comment: str
    fields: tuple[Field, ...] = ()
    reply: tuple[Field, ...] = ()
    words: tuple[str, ...] = ()
    """Of a type that is an enumeration; then it has no fields."""


@dataclass(frozen=True)
class Description:
    interface: str
    members: tuple[Member, ...]

    def of_kind(self, kind: str) -> dict[str, Member]:
        return {m.name: m for m in self.members if m.kind == kind}


def parse(text: str) -> Description:
    """Raises ``ValueError`` with the line for what is not a description."""
    return _Parser(text).description()


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, text, line) of everything but spaces; a blank line is a comment's end."""
    at, line = 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"line {line}: unexpected {text[at : at + 20]!r}")
        found = match.group()
        if match.lastgroup != "space":
            yield str(match.lastgroup), found, line
        elif found.count("\n") > 1:
            yield "blank", "", line
        line += found.count("\n")
        at = match.end()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [*tokens(text), ("end", "", text.count("\n") + 1)]
        self._at = 0
        self._comment: list[str] = []

    def description(self) -> Description:
        self._expect("interface")
        interface = self._name(INTERFACE_NAME)
        members: list[Member] = []
        while self._peek() != "":
            member = self._member()
            if any(member.name == other.name for other in members):
                raise ValueError(f"{member.name} is described twice")
            members.append(member)
        return Description(interface, tuple(members))

    def _member(self) -> Member:
        match self._take():
            case "type":
                return self._type()
            case "method":
                comment = self._comments()
                name, fields = self._name(MEMBER_NAME), self._fields()
                self._expect("->")
                return Member("method", name, comment, fields, self._fields())
            case "error":
                comment = self._comments()
                return Member("error", self._name(MEMBER_NAME), comment, self._fields())
            case other:
                raise ValueError(f"{self._where()}: {other!r} begins no member")

    def _type(self) -> Member:
        comment = self._comments()
        name = self._name(MEMBER_NAME)
        begin = self._at
        self._expect("(")
        self._take()
        is_struct = self._peek() == ":"
        self._at = begin
        self._comment.clear()
        if is_struct:
            return Member("type", name, comment, fields=self._fields())
        return Member("type", name, comment, words=self._words())

    def _fields(self) -> tuple[Field, ...]:
        fields: list[Field] = []
        for name in self._list():
            comment = self._comments()
            self._expect(":")
            if any(name == other.name for other in fields):
                raise ValueError(f"{self._where()}: {name} twice")
            fields.append(Field(name, self._type_text(), comment))
        return tuple(fields)

    def _words(self) -> tuple[str, ...]:
        return tuple(self._list())

    def _list(self) -> Iterator[str]:
        self._expect("(")
        if self._peek() == ")":
            self._take()
            return
        while True:
            yield self._name(FIELD_NAME)
            match self._take():
                case ")":
                    return
                case ",":
                    continue
                case other:
                    raise ValueError(f"{self._where()}: {other!r} in a list")

    def _type_text(self) -> str:
        token = self._peek()
        if token == "(":
            return "(" + ",".join(self._words()) + ")"
        self._take()
        if token == "?" and self._peek() == "?":
            raise ValueError(f"{self._where()}: optional twice")
        if token in {"?", "[]", "[string]"}:
            return token + self._type_text()
        if token in {"bool", "int", "float", "string", "object"}:
            return token
        if not MEMBER_NAME.fullmatch(token):
            raise ValueError(f"{self._where()}: {token!r} is no type")
        return token

    def _name(self, pattern: re.Pattern[str]) -> str:
        name = self._take()
        if not pattern.fullmatch(name):
            raise ValueError(f"{self._where()}: {name!r} is not a name here")
        return name

    def _expect(self, wanted: str) -> None:
        if (found := self._take()) != wanted:
            raise ValueError(f"{self._where()}: {wanted!r} wanted, not {found!r}")

    def _peek(self) -> str:
        self._skip()
        return self._tokens[self._at][1]

    def _take(self) -> str:
        found = self._peek()
        self._at += 1
        return found

    def _skip(self) -> None:
        while (token := self._tokens[self._at])[0] in {"comment", "blank"}:
            if token[0] == "comment":
                self._comment.append(token[1].lstrip("#").strip())
            else:
                self._comment.clear()
            self._at += 1

    def _comments(self) -> str:
        comment = " ".join(self._comment)
        self._comment.clear()
        return comment

    def _where(self) -> str:
        return f"line {self._tokens[max(self._at - 1, 0)][2]}"

"""Our interface's description, as two foreign implementations understand it together.

``varlink`` parses the text that ``GetInterfaceDescription`` gives; what it finds is
built from ``asyncvarlink``'s types, which are strict: a field that is missing, too much
or of another kind than described is an error, in calls and in replies. None of our own
code takes part.
"""

from typing import Any, NamedTuple

from asyncvarlink.conversion import (
    DictVarlinkType,
    ForeignVarlinkType,
    ListVarlinkType,
    LiteralVarlinkType,
    ObjectVarlinkType,
    OptionalVarlinkType,
    SimpleVarlinkType,
    VarlinkType,
)
from varlink import scanner

SCALARS = (
    # A bool is an int to Python: first.
    (bool, SimpleVarlinkType("bool", bool)),
    (int, SimpleVarlinkType("int", int)),
    (float, SimpleVarlinkType("float", float, int)),
    (str, SimpleVarlinkType("string", str)),
)


class Method(NamedTuple):
    """Its parameters and its reply."""

    parameters: ObjectVarlinkType
    reply: ObjectVarlinkType


class Described:
    """An interface, from its description alone."""

    def __init__(self, text: str) -> None:
        self._interface = scanner.Interface(text)
        self.name: str = self._interface.name
        members = self._interface.members.values()
        self.methods = {
            each.name: Method(self._struct(each.in_type), self._struct(each.out_type))
            for each in members
            if isinstance(each, scanner._Method)
        }
        self.errors = {
            each.name: self._struct(each.type)
            for each in members
            if isinstance(each, scanner._Error)
        }

    def _struct(self, found: Any) -> ObjectVarlinkType:
        made = self._type(found)
        assert isinstance(made, ObjectVarlinkType)
        return made

    def _type(self, found: Any) -> VarlinkType:  # noqa: PLR0911 - a table
        match found:
            case scanner._Maybe():
                return OptionalVarlinkType(self._type(found.element_type))
            case scanner._Array():
                return ListVarlinkType(self._type(found.element_type))
            case scanner._Dict():
                return DictVarlinkType(self._type(found.element_type))
            case scanner._Enum():
                return LiteralVarlinkType(tuple(found.fields))
            case scanner._Struct():
                fields = found.fields.items()
                return ObjectVarlinkType({n: self._type(each) for n, each in fields})
            case scanner._CustomType():
                return self._type(self._interface.members[found.name].type)
            case scanner._Object():
                return ForeignVarlinkType()
            case _:
                return next(made for kind, made in SCALARS if isinstance(found, kind))

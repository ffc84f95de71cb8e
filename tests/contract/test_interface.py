"""The description of the control interface and its structs are the same thing."""

import functools
import types
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
import pytest

from kanban_ipc import agent, control, words
from kanban_ipc.varlink import SERVICE_DESCRIPTION
from support.varlink_idl import FIELD_NAME, Description, Field, parse

TEXT = (files("kanban_ipc") / "io.kanban.varlink").read_text("utf-8")
AGENT_TEXT = (files("kanban_ipc") / "io.kanban.agent.varlink").read_text("utf-8")
SCALARS = {bool: "bool", int: "int", float: "float", str: "string"}


# ---------------------------------------------------- what the structs would describe


def named_words() -> dict[Any, str]:
    """The word lists that have a name in both: literal type to name."""
    return {
        hint: name
        for name, hint in vars(words).items()
        if get_origin(hint) is Literal and is_list_of_names(hint)
    }


def is_list_of_names(literal: Any) -> bool:
    """A word with a space, as a column's, cannot be a word of an enumeration."""
    return all(FIELD_NAME.fullmatch(word) for word in get_args(literal))


def type_text(hint: Any) -> str:
    """A struct's type as the description has to write it."""
    if name := SCALARS.get(hint) or NAMED.get(hint):
        return name
    if get_origin(hint) is None:
        assert issubclass(hint, msgspec.Struct), hint
        return str(hint.__name__)
    return composed_text(get_origin(hint), get_args(hint))


def composed_text(origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin is Literal:
        listed = is_list_of_names(Literal[arguments])
        return f"({','.join(arguments)})" if listed else "string"
    if origin is list:
        return "[]" + type_text(arguments[0])
    if origin is dict:
        # Values of several kinds have no type of their own in Varlink.
        mixed = arguments[1] is Any or get_origin(arguments[1]) is not None
        return "object" if mixed else "[string]" + type_text(arguments[1])
    assert origin in (Union, types.UnionType), origin
    (inner,) = (argument for argument in arguments if argument is not type(None))
    return "?" + type_text(inner)


NAMED = named_words()


class Structs(NamedTuple):
    """One interface, as its structs have it."""

    methods: Mapping[str, control.Method]
    errors: Mapping[str, type[msgspec.Struct]]

    @property
    def roots(self) -> list[type[msgspec.Struct]]:
        return [
            *self.errors.values(),
            *(method.call for method in self.methods.values()),
            *(method.reply for method in self.methods.values()),
        ]

    @property
    def hints(self) -> list[Any]:
        return hints_below(self.roots)

    @property
    def structs(self) -> dict[str, type[msgspec.Struct]]:
        return {
            hint.__name__: hint
            for hint in self.hints
            if isinstance(hint, type) and issubclass(hint, msgspec.Struct)
        }

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        return {NAMED[hint]: get_args(hint) for hint in self.hints if hint in NAMED}


CONTROL = Structs(control.METHODS, control.ERRORS)
AGENT = Structs(agent.METHODS, agent.ERRORS)


@functools.cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(struct)


def hints_below(roots: list[type[msgspec.Struct]]) -> list[Any]:
    """Every type that is named below these structs, each once."""
    found: list[Any] = []
    pending: list[Any] = [field.type for root in roots for field in fields_of(root)]
    while pending:
        hint = pending.pop()
        if hint in found:
            continue
        found.append(hint)
        if get_origin(hint) is not Literal:
            pending += get_args(hint)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            pending += [field.type for field in fields_of(hint)]
    return found


def differences(description: Description, own: Structs = CONTROL) -> list[str]:
    """Everything in which the description and the structs are not the same."""
    structs, words = own.structs, own.words
    methods, errors = description.of_kind("method"), description.of_kind("error")
    described = description.of_kind("type")
    found = [
        *names_differ(methods, own.methods),
        *names_differ(errors, own.errors),
        *names_differ(described, {**structs, **words}),
    ]
    for name in methods.keys() & own.methods.keys():
        found += fields_differ(methods[name].fields, own.methods[name].call)
        found += fields_differ(methods[name].reply, own.methods[name].reply)
    for name in errors.keys() & own.errors.keys():
        found += fields_differ(errors[name].fields, own.errors[name])
    for name in described.keys() & structs.keys():
        found += fields_differ(described[name].fields, structs[name])
    found += [
        f"{name}: other words, or in another order"
        for name in described.keys() & words.keys()
        if described[name].words != words[name]
    ]
    return found


def names_differ(described: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    extra, missing = described.keys() - wanted.keys(), wanted.keys() - described.keys()
    return [f"{name}: only described" for name in extra] + [
        f"{name}: not described" for name in missing
    ]


def fields_differ(
    described: tuple[Field, ...],
    struct: type[msgspec.Struct],
) -> list[str]:
    wanted = [(field.name, type_text(field.type)) for field in fields_of(struct)]
    found = [(field.name, field.type) for field in described]
    return [] if found == wanted else [f"{struct.__name__}: {found} is not {wanted}"]


# ---------------------------------------------------------------------------- facts


def test_description_and_structs_are_the_same() -> None:
    assert differences(parse(TEXT)) == []


def test_the_agents_description_and_structs_are_the_same() -> None:
    described = parse(AGENT_TEXT)
    assert differences(described, AGENT) == []
    assert described.interface == agent.INTERFACE
    assert [m.name for m in described.members if not m.comment] == []
    assert max(map(len, AGENT_TEXT.splitlines())) <= 88


@pytest.mark.parametrize("name", sorted(agent.METHODS))
def test_an_agents_call_says_what_may_be_left_out(name: str) -> None:
    member = parse(AGENT_TEXT).of_kind("method")[name]
    comments = {f.name: f.comment for f in member.fields}
    check_defaults(agent.METHODS[name].call, comments)


def test_the_interface_has_its_name() -> None:
    assert parse(TEXT).interface == control.INTERFACE


@pytest.mark.parametrize(
    ("planted_in", "planted"),
    [
        ("type LastExit (", "type LastExits ("),
        ("depth: int,", "depth: float,"),
        ("depth: int,", ""),
        ("depth: int,", "depth: int, deep: int,"),
        ("pid: int,\n  version: string,", "version: string,\n  pid: int,"),
        ("spawner_pid: ?int,", "spawner_pid: int,"),
        ("worker_id: string,\n  pid: ?int", "worker_id: ?string,\n  pid: ?int"),
        ("problems: []string,", "problems: string,"),
        ("payload: object", "payload: [string]string"),
        ("wanted: (run, stop),", "wanted: (stop, run),"),
        ("wanted: (run, stop),", "wanted: string,"),
        ("type Activity (idle, busy, draining)", "type Activity (idle, busy)"),
        ("type Activity (idle, busy,", "type Activity (busy, idle,"),
        ("activity: ?Activity,", "activity: ?(idle, busy, draining),"),
        ("method Workers() -> (workers: []WorkerInfo)", ""),
        ("method Workers()", "method AllWorkers()"),
        ("-> (workers: []WorkerInfo, stopped: []StopProof)", "-> ()"),
        ("error ShuttingDown (message: string)", ""),
        ("error ShuttingDown (message: string)", "error ShuttingDown ()"),
        ("error StoreFailed (", "error More ()\nerror StoreFailed ("),
        ("type LogLevel (", "type Level (debug, info)\ntype LogLevel ("),
    ],
)
def test_a_drift_is_noticed(planted_in: str, planted: str) -> None:
    assert planted_in in TEXT
    assert differences(parse(TEXT.replace(planted_in, planted, 1)))


def test_everything_is_described_in_words() -> None:
    assert [m.name for m in parse(TEXT).members if not m.comment] == []


@pytest.mark.parametrize("name", sorted(control.METHODS))
def test_a_call_says_what_may_be_left_out(name: str) -> None:
    fields = {f.name: f.comment for f in parse(TEXT).of_kind("method")[name].fields}
    check_defaults(control.METHODS[name].call, fields)


def test_a_new_ticket_says_what_may_be_left_out() -> None:
    member = parse(TEXT).of_kind("type")["NewTicket"]
    check_defaults(control.NewTicket, {f.name: f.comment for f in member.fields})


def check_defaults(struct: type[msgspec.Struct], comments: dict[str, str]) -> None:
    for field in fields_of(struct):
        comment = comments[field.name]
        if field.required or type_text(field.type).startswith("?"):
            assert "Default:" not in comment, field.name
        else:
            assert comment.endswith(f"Default: {default_text(field)}."), field.name


def default_text(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT or field.default == "":
        return "empty"
    return msgspec.json.encode(field.default).decode()


def test_methods_say_that_they_stream() -> None:
    said = {
        name
        for name, member in parse(TEXT).of_kind("method").items()
        if member.comment.endswith("Streams.")
    }
    assert said == {name for name, m in control.METHODS.items() if m.streams}


def test_words_that_cannot_be_listed_are_named_in_a_comment() -> None:
    column = {f.name: f for f in parse(TEXT).of_kind("type")["Ticket"].fields}["column"]
    assert [word for word in words.COLUMNS if f'"{word}"' not in column.comment] == []


def test_the_description_is_plain_and_narrow() -> None:
    assert TEXT.isascii()
    assert max(map(len, TEXT.splitlines())) <= 88


def test_the_description_of_the_service_itself_is_one() -> None:
    service = parse(SERVICE_DESCRIPTION)
    assert service.interface == "org.varlink.service"
    assert sorted(service.of_kind("method")) == ["GetInfo", "GetInterfaceDescription"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "interface kanban",
        "interface io.kanban\nmethod status() -> ()",
        "interface io.kanban\nmethod Status()",
        "interface io.kanban\ntype A (b: ??int)",
        "interface io.kanban\ntype A (b: integer)",
        "interface io.kanban\ntype A (b: int, b: int)",
        "interface io.kanban\ntype A (b_: int)",
        "interface io.kanban\ntype A (in progress)",
        "interface io.kanban\ntype A (b: int)\nerror A ()",
        "interface io.kanban\ntype A (b: int,)",
        "interface io.kanban\n;",
    ],
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"line|twice"):
        parse(text)

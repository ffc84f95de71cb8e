"""What ``export`` writes, ``import`` reads back."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanban_ipc.control import NewTicket, Ticket
from kanban_ipc.words import TASK_TYPES
from kanbanctl.failures import BadInput
from kanbanctl.tickets_in import batch
from kanbanctl.tickets_in.fields import Surroundings
from kanbanctl.tickets_out import csvfile, jsonl, markdown
from kanbanctl.tickets_out.portable import portable
from kanband.core.priority import of_number
from support.control_samples import NOW_MS, TICKET

AROUND = Surroundings("/elsewhere", NOW_MS)
WRITERS = {"jsonl": jsonl.write, "csv": csvfile.write, "markdown": markdown.write}
PLAIN = msgspec.structs.replace(
    TICKET, state="backlog", depends_on=[], key=None, repo_path=None
)


def make(number: int, **fields: Any) -> Ticket:
    return msgspec.structs.replace(PLAIN, id=number, **fields)


def read(form: str, *tickets: Ticket) -> list[NewTicket]:
    text = "".join(WRITERS[form](portable(tickets).items))
    found = batch.read(text.encode(), form, AROUND)
    assert found.problems == [], text
    return [one.ticket for one in found.tickets]


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=60
).filter(lambda text: not text or bool(text.strip()))
LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"))
    | st.sampled_from(" \"'`[](){}=,;#-*"),
    min_size=1,
    max_size=30,
).filter(lambda text: text == text.strip() and text.isprintable())
WORD = LINE.filter(lambda text: len(text) <= 20)
SECONDS = st.floats(0.001, 1e6)
ANY = st.builds(
    make,
    st.just(1),
    title=LINE,
    description_md=TEXT,
    instructions=TEXT,
    board=WORD,
    agent=WORD,
    model=st.none() | WORD,
    base_branch=st.none() | WORD,
    repo_path=st.sampled_from((None, "/r", "/r s/t")),
    priority_number=st.integers(1, 10),
    labels=st.lists(WORD, max_size=3, unique=True),
    task_type=st.sampled_from(TASK_TYPES),
    scheduled_at_ms=st.none() | st.integers(0, 4_000_000_000_000),
    timeout_s=st.none() | SECONDS,
    estimated_duration_s=st.none() | SECONDS,
    max_retries=st.integers(0, 9),
    key=WORD,
)


def expected(ticket: Ticket) -> NewTicket:
    """As ``import`` makes it: what the store makes of it is the same ticket."""
    usual = {"urgent": 10, "high": 8, "medium": 5, "low": 3}
    word = of_number(ticket.priority_number)
    is_usual = usual[word] == ticket.priority_number
    given_word = is_usual and word != "medium"
    names = set(NewTicket.__struct_fields__) - {
        *("priority", "priority_number", "depends_on", "depends_on_keys", "max_retries")
    }
    return NewTicket(
        priority=word if given_word else None,
        priority_number=None if is_usual else ticket.priority_number,
        max_retries=None if ticket.max_retries == 3 else ticket.max_retries,
        **{name: getattr(ticket, name) for name in names},
    )


@given(ticket=ANY)
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_any_ticket_comes_back(form: str, ticket: Ticket) -> None:
    ticket = msgspec.structs.replace(ticket, priority=of_number(ticket.priority_number))
    assert read(form, ticket) == [expected(ticket)]


@given(ticket=ANY)
def test_a_checklist_gives_a_ticket_back_or_refuses_it(ticket: Ticket) -> None:
    ticket = msgspec.structs.replace(ticket, priority=of_number(ticket.priority_number))
    with suppress(BadInput):
        assert read("markdown", ticket) == [expected(ticket)]


def test_a_title_that_a_checklist_cannot_hold_is_refused() -> None:
    with pytest.raises(BadInput, match="use --format jsonl"):
        read("markdown", make(1, title="Say {agent=x} in braces"))


@pytest.mark.parametrize(
    ("description", "instructions"),
    [
        ("Prose.\n\n  indented\n- a list", "make\n\tall\n"),
        ("Steps:\n- [ ] a box\n- [x] another", "echo '```'\n\n  spaced"),
        ("```sh\ncode\n```\nmore\n\n", ""),
        ("", "\n\nset -e\n"),
        ("~~~~\n````\n", "a\\\nb"),
    ],
)
@pytest.mark.parametrize("form", [*WRITERS])
def test_texts_come_back_as_they_are(
    form: str, description: str, instructions: str
) -> None:
    ticket = make(1, description_md=description, instructions=instructions)
    (found,) = read(form, ticket)
    assert (found.description_md, found.instructions) == (description, instructions)


def test_a_checklist_reads_well() -> None:
    tickets = (
        make(1, title="Sort", key="sort", labels=["a"], timeout_s=None),
        make(2, title="Test", depends_on=[1], labels=["x y", "z"], priority_number=7),
        make(3, title="Old", state="completed", priority="low", priority_number=3),
    )
    text = "".join(markdown.write(portable(tickets).items))
    assert text == (
        "- [ ] Sort {agent=shell priority=high labels=a key=sort}\n"
        "  All of them.\n"
        "  ```sh\n  ruff check --select I --fix .\n  ```\n"
        '- [ ] Test {agent=shell priority=7 labels=\'["x y","z"]\' type=coding '
        "depends_on_keys=sort time_limit=600.0 key=ticket-2}\n"
        "  All of them.\n"
        "  ```sh\n  ruff check --select I --fix .\n  ```\n"
        "- [x] Old {agent=shell priority=low labels=style type=coding "
        "time_limit=600.0 key=ticket-3}\n"
        "  All of them.\n"
        "  ```sh\n  ruff check --select I --fix .\n  ```\n"
    ).replace("labels=a key", "labels=a type=coding key")


@pytest.mark.parametrize("form", [*WRITERS])
def test_dependencies_name_keys_and_come_first(form: str) -> None:
    found = read(
        form,
        make(1, title="a", depends_on=[3], key="a"),
        make(2, title="b", depends_on=[1, 3]),
        make(3, title="c", key="c, d"),
    )
    assert [(one.title, one.depends_on_keys) for one in found] == [
        ("c", []),
        ("a", ["c, d"]),
        ("b", ["a", "c, d"]),
    ]
    assert [one.key for one in found] == ["c, d", "a", "ticket-2"]


@pytest.mark.parametrize("form", [*WRITERS])
def test_what_is_done_is_skipped(form: str) -> None:
    found = read(
        form, make(1, state="completed"), make(2, state="cancelled"), make(3, title="x")
    )
    assert [one.title for one in found] == ["x"]


def test_what_is_left_out_is_said() -> None:
    found = portable([make(4, depends_on=[1, 2], key="ticket-5"), make(5)])
    assert [item["key"] for item in found.items] == ["ticket-5", "ticket-5-"]
    assert found.notes == [
        (
            "1 without a key have one of their number in the file, such as ticket-5-; "
            "imported where they come from, they are added again"
        ),
        "#4 depends on #1, which is not in the file: left out",
        "#4 depends on #2, which is not in the file: left out",
    ]


def test_a_column_of_titles_is_enough() -> None:
    found = batch.read(b'title\r\nOne\r\n\r\n"Two, and more"\r\n', "csv", AROUND)
    assert [(one.line, one.ticket.title) for one in found.tickets] == [
        (2, "One"),
        (4, "Two, and more"),
    ]
    found = batch.read(b"title\nOne\nTwo, and more\n", "csv", AROUND)
    assert [one.line for one in found.problems] == [3]
    assert "in quotes" in found.problems[0].reason


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_state_that_is_none_is_named_with_its_line(form: str) -> None:
    text = {"csv": "title,state\na,open\n", "jsonl": '\n{"title": "a", "state": 7}\n'}
    found = batch.read(text[form].encode(), form, AROUND)
    (problem,) = found.problems
    assert (problem.line, "there is no state" in problem.reason) == (2, True)

"""Files of tickets: what is understood, and what is refused with its line."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanban_ipc.bounds import CONTROL_REQUEST_BYTES_MAX, IMPORT_TICKETS_MAX
from kanban_ipc.control import ImportCall, NewTicket
from kanbanctl.tickets_in import batch, markdown
from kanbanctl.tickets_in.fields import Surroundings, ticket
from kanbanctl.tickets_in.limits import Malformed

NOW_MS = 1_750_000_000_000
AROUND = Surroundings("/home/ada/project", NOW_MS)

MARKDOWN = """\
# Backlog

- [ ] Sort the imports {agent=shell priority=high repo=. key=sort}
  All of them.

    - inner step

  And more.
  ```sh
  set -e
    ruff check --fix
  ```
- [x] Done {agent=shell}
  ```
  rm -rf /
  ```
* [ ] Run the tests {agent=shell depends=sort,12 label="slow tests, ci"}
  ~~~
  make test
  ~~~
  ```
  make lint
  ```

Plain text.

- [a link](https://example.org)
- [ ] A {title} in braces
```
- [ ] not a ticket
```
+ [ ] The last
"""


def tickets(text: str, form: str, around: Surroundings = AROUND) -> list[NewTicket]:
    found = batch.read(text.encode(), form, around)
    assert found.problems == []
    return [one.ticket for one in found.tickets]


def problems(text: str | bytes, form: str) -> list[tuple[int, str]]:
    data = text if isinstance(text, bytes) else text.encode()
    found = batch.read(data, form, AROUND).problems
    return [(problem.line, problem.reason) for problem in found]


# --------------------------------------------------------------------------- markdown


def test_each_open_box_of_a_checklist_is_a_ticket() -> None:
    assert tickets(MARKDOWN, "markdown") == [
        NewTicket(
            title="Sort the imports",
            description_md="All of them.\n\n  - inner step\n\nAnd more.",
            instructions="set -e\n  ruff check --fix",
            agent="shell",
            priority="high",
            repo_path="/home/ada/project",
            key="sort",
        ),
        NewTicket(
            title="Run the tests",
            instructions="make test\nmake lint",
            agent="shell",
            labels=["slow tests", "ci"],
            depends_on=[12],
            depends_on_keys=["sort"],
        ),
        NewTicket(title="A {title} in braces"),
        NewTicket(title="The last"),
    ]


def test_the_line_of_a_ticket_is_known() -> None:
    found = batch.read(MARKDOWN.encode(), "markdown", AROUND)
    assert [one.line for one in found.tickets] == [3, 17, 28, 32]


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_foreign_line_ends_change_nothing(ending: str) -> None:
    text = MARKDOWN.replace("\n", ending)
    assert tickets(text, "markdown") == tickets(MARKDOWN, "markdown")


def test_tabs_indent_as_well() -> None:
    (one,) = tickets("- [ ] A\n\tprose\n\t```\n\tcode\n\t```\n", "markdown")
    assert (one.description_md, one.instructions) == ("prose", "code")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("\n- [] A", 2, "written '[ ]'"),
        ("- [ ]A", 1, "space is missing after"),
        ("-[ ] A", 1, "space is missing before"),
        ("1. [ ] A", 1, "not of a numbered one"),
        ("- [y] A", 1, "[y] is neither an open box"),
        ("- [  ] A", 1, "[  ] is neither an open box"),
        ("- [ ] A\n  - [ ] B", 2, "begin the line at the left"),
        ("- [x] A\n  - [ ] B", 2, "begin the line at the left"),
        ("- [ ] A\n\n    1. [ ] B", 3, "begin the line at the left"),
        ("- [ ] A {agent=shell", 1, "braces are never closed"),
        ("- [ ] A {agent=shell} now", 1, "inside the title"),
        ("- [ ]", 1, "title is empty"),
        ("- [ ] {agent=shell}", 1, "title is empty"),
        ("- [ ] A {agent=shell oops}", 1, "'oops' in the braces"),
        ("- [ ] A {agent=}", 1, "'agent=' in the braces"),
        ("- [ ] A {agent='x}", 1, "braces cannot be read"),
        ("- [ ] A {agent=x agent=y}", 1, "stands twice"),
        ("- [ ] A {wrong=x}", 1, "no field 'wrong'"),
        ("- [ ] A {priority=huge}", 1, "'huge' is none"),
        ("- [ ] A {priority=11}", 1, "1 to 10"),
        ("- [ ] A {retries=many}", 1, "not a whole number"),
        ("- [ ] A {time_limit=long}", 1, "not a duration"),
        ("- [ ] A {at=soon}", 1, "not a time"),
        ("- [ ] A {instructions=x}\n  ```\n  y\n  ```", 1, "in the braces and below"),
        ("- [ ] A\n  ```\n  never closed", 2, "never closed"),
        ("- [ ] A {key=k}\n- [ ] B {key=k}", 2, "stands in line 1"),
        ("- [ ] A {depends=k}\n- [ ] B {key=k}", 1, "only follows in line 2"),
        ("- [ ] A {key=k depends=k}", 1, "only follows in line 1"),
        (f"- [ ] {'x' * 501}", 1, "longer than 500"),
    ],
)
def test_a_malformed_checklist_names_its_line(
    text: str, line: int, reason: str
) -> None:
    ((found_line, found_reason),) = problems(text, "markdown")
    assert found_line == line
    assert reason in found_reason


@pytest.mark.parametrize(
    "line",
    [
        "- [a](b)",
        "- [a]: b",
        "- [y][z]",
        r"- \[y] A",
        "*[x]*",
        "1. first",
        "- a [ ] b",
        "-5 [y]",
    ],
)
def test_what_is_no_box_is_passed_over(line: str) -> None:
    assert tickets(f"{line}\n- [ ] A\n", "markdown") == [NewTicket(title="A")]


@pytest.mark.parametrize("title", ["A {b}", "A {b=c} d", "f(x) {", "{x: 1}"])
def test_braces_that_are_no_options_belong_to_the_title(title: str) -> None:
    assert tickets(f"- [ ] {title}", "markdown") == [NewTicket(title=title)]


def test_a_ticked_box_below_an_item_is_prose() -> None:
    (one,) = tickets("- [ ] A\n  - [x] done", "markdown")
    assert one.description_md == "- [x] done"


# --------------------------------------------------------------------------------- csv


def test_each_row_of_a_csv_file_is_a_ticket() -> None:
    text = (
        "\ufefftitle,Agent,priority,depends,instructions,time_limit\r\n"
        '"One, two",shell,9,"3 sort","a\nb",5m\r\n'
        "\r\n"
        "Three,,,,,\r\n"
    )
    assert tickets(text, "csv") == [
        NewTicket(
            title="One, two",
            agent="shell",
            priority_number=9,
            depends_on=[3],
            depends_on_keys=["sort"],
            instructions="a\nb",
            timeout_s=300.0,
        ),
        NewTicket(title="Three"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("name\nx", 1, "'title'"),
        ("title,title\na,b", 1, "two columns"),
        ("title,colour\na,b", 1, "no field 'colour'"),
        ("title,agent\na,b\nonly", 3, "1 cells under 2 headings"),
        ('title,agent\nt,"a\nb"\n"open', 4, "not CSV"),
        ('title,instructions\nok,"a\nb"\n,x', 4, "title"),
        (b"title\nok\n\xff", 3, "not UTF-8"),
    ],
)
def test_a_malformed_csv_file_names_its_line(
    text: str | bytes,
    line: int,
    reason: str,
) -> None:
    found_line, found_reason = problems(text, "csv")[0]
    assert found_line == line
    assert reason in found_reason


# -------------------------------------------------------------------------------- json


def test_each_line_of_json_is_a_ticket() -> None:
    text = (
        '{"title":"A","repo":"sub/../lib","labels":["x"],"depends":[1,"k"],"priority":2}\n'
        "\n"
        '{"title":"B\u2028C","description_md":"d","scheduled_at":"+1h","timeout_s":1.5}'
    )
    assert tickets(text, "jsonl") == [
        NewTicket(
            title="A",
            repo_path="/home/ada/project/lib",
            labels=["x"],
            depends_on=[1],
            depends_on_keys=["k"],
            priority_number=2,
        ),
        NewTicket(
            title="B\u2028C",
            description_md="d",
            scheduled_at_ms=NOW_MS + 3_600_000,
            timeout_s=1.5,
        ),
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('\n{"title":', 2, "not JSON"),
        ('[{"title":"a"}]', 1, "not an object"),
        ("[", 1, "one object a line"),
        ("[" * 100_000, 1, "nested too deeply"),
        ("{}", 1, "title"),
        ('{"title":1}', 1, "title"),
        ('{"title":"a\\nb"}', 1, "more than one line"),
        ('{"title":"a","agent":7}', 1, "agent"),
        ('{"title":"a","priority":true}', 1, "priority"),
        ('{"title":"a","labels":{}}', 1, "labels"),
        ('{"title":"a","labels":[1]}', 1, "labels"),
        ('{"title":"a","repo":"x\\u0000"}', 1, "NUL"),
        ('{"title":"a","repo":1}', 1, "repo_path"),
        ('{"title":"a","repo":"b","repo_path":"c"}', 1, "says again"),
        ('{"title":"a","depends":[1.5]}', 1, "depends_on"),
        ('{"title":"a","priority":1e99}', 1, "priority"),
    ],
)
def test_malformed_json_names_its_line(text: str, line: int, reason: str) -> None:
    ((found_line, found_reason),) = problems(text, "jsonl")
    assert found_line == line
    assert reason in found_reason


# ------------------------------------------------------------------- whatever the form


@pytest.mark.parametrize("form", sorted(batch.FORMATS))
@given(data=st.binary(max_size=400))
def test_random_bytes_are_read_or_refused(form: str, data: bytes) -> None:
    read_or_refused(data, form)


FRAGMENTS = st.sampled_from(
    [
        "- [ ] ",
        "  ",
        "```",
        "~~~",
        "\n",
        "{",
        "}",
        "a=b",
        '"',
        "'",
        ",",
        "title",
        "x",
        "\\",
    ],
)


@pytest.mark.parametrize("form", sorted(batch.FORMATS))
@given(text=st.lists(FRAGMENTS, max_size=40).map("".join))
def test_hostile_text_is_read_or_refused(form: str, text: str) -> None:
    read_or_refused(text.encode(), form)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(NewTicket.__struct_fields__), JSON))
def test_any_value_of_any_field_is_taken_or_refused(values: dict[str, Any]) -> None:
    with suppress(Malformed):
        msgspec.json.encode(ticket(values, AROUND))


def read_or_refused(data: bytes, form: str) -> None:
    found = batch.read(data, form, AROUND)
    for one in found.tickets:
        assert one.line >= 1
        assert one.ticket.title.strip()
        msgspec.json.encode(one.ticket)
    for problem in found.problems:
        assert problem.line >= 1
        assert problem.reason


def test_defaults_are_for_what_an_item_does_not_say() -> None:
    around = AROUND._replace(
        defaults={"agent": "noop", "priority": "low", "repo": "/r", "labels": ("all",)},
    )
    text = "- [ ] A\n- [ ] B {agent=shell priority=9 repo=/q label=own,all}"
    assert tickets(text, "markdown", around) == [
        NewTicket(
            title="A", agent="noop", priority="low", repo_path="/r", labels=["all"]
        ),
        NewTicket(
            title="B",
            agent="shell",
            priority_number=9,
            repo_path="/q",
            labels=["own", "all"],
        ),
    ]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.jsonl", "jsonl"),
        ("a.NDJSON", "jsonl"),
        ("a.b.csv", "csv"),
        ("TODO.md", "markdown"),
        ("-", None),
        ("a.txt", None),
        ("md", None),
    ],
)
def test_a_files_name_tells_its_format(name: str, form: str | None) -> None:
    assert batch.format_of(name) == form


def test_pages_hold_every_ticket_in_order_and_fit_one_call() -> None:
    small = [batch.Numbered(n, NewTicket(title=f"t{n}")) for n in range(1, 4_502)]
    pages = list(batch.pages(small))
    assert [one for page in pages for one in page] == small
    assert [len(page) for page in pages] == [IMPORT_TICKETS_MAX] * 2 + [501]
    large = [
        batch.Numbered(n, NewTicket(title="t", instructions='"' * 200_000))
        for n in range(30)
    ]
    pages = list(batch.pages(large))
    assert [one for page in pages for one in page] == large
    for page in pages:
        call = ImportCall(tickets=[one.ticket for one in page])
        assert len(msgspec.json.encode(call)) < CONTROL_REQUEST_BYTES_MAX


def test_a_repository_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert ticket({"title": "a", "repo": "~/x"}, AROUND).repo_path == "/home/ada/x"


def test_the_example_in_the_documentation_is_understood() -> None:
    example = str(markdown.__doc__).split("\n\n")[1]
    lines = [line.removeprefix("    ") for line in example.splitlines()]
    assert [t.title for t in tickets("\n".join(lines), "markdown")] == [
        "Sort the imports",
        "Run the tests",
    ]

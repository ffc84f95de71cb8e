"""Tables fit the terminal and nothing in them commands it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanbanctl import paragraphs
from kanbanctl.tables import GAP, Cell, Column, cells, cells_wide, cut, layout

COLUMNS = (
    Column("ID", right=True),
    Column("STATE"),
    Column("AGENT", rank=2),
    Column("TITLE", flexible=True),
    Column("UPDATED", rank=1),
)
ROWS = [
    cells(7, Cell("ready", "busy"), "shell", "Sort the imports of it all", "1 min ago"),
    cells(1234, "in_review", "any", "Short", "just now"),
]


def lines(width: int | None) -> list[str]:
    return [GAP.join(cell.text for cell in row) for row in layout(COLUMNS, ROWS, width)]


def test_without_a_width_nothing_is_cut() -> None:
    assert lines(None) == [
        "  ID  STATE      AGENT  TITLE                       UPDATED",
        "   7  ready      shell  Sort the imports of it all  1 min ago",
        "1234  in_review  any    Short                       just now",
    ]


def test_the_flexible_column_gives_first() -> None:
    assert lines(50) == [
        "  ID  STATE      AGENT  TITLE            UPDATED",
        "   7  ready      shell  Sort the impor…  1 min ago",
        "1234  in_review  any    Short            just now",
    ]


def test_then_whole_columns_go_the_highest_rank_first() -> None:
    assert lines(41)[0].split() == ["ID", "STATE", "TITLE", "UPDATED"]
    assert lines(40)[0].split() == ["ID", "STATE", "TITLE", "UPDATED"]
    assert lines(35)[0].split() == ["ID", "STATE", "TITLE"]


@given(st.integers(31, 120), st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_no_line_is_wider_than_the_terminal(width: int, titles: list[str]) -> None:
    rows = [cells(1, "in_review", "shell", title, "now") for title in titles]
    for row in layout(COLUMNS, rows, width):
        assert cells_wide(GAP.join(cell.text for cell in row)) <= width


@given(st.text(max_size=40), st.integers(0, 40))
def test_a_cut_text_fits(text: str, width: int) -> None:
    assert cells_wide(cut(text, width)) <= width


def test_wide_characters_take_two_cells_and_combining_ones_none() -> None:
    assert cells_wide("日本") == 4
    assert cells_wide("e\N{COMBINING ACUTE ACCENT}") == 1
    assert cut("日本語", 5) == "日本…"


@pytest.mark.parametrize(
    "text", ["a\x1b[31mb", "a\rb", "a\x9bb", "a\N{RIGHT-TO-LEFT OVERRIDE}b"]
)
def test_a_cell_cannot_command_the_terminal(text: str) -> None:
    (_, row) = layout([Column("T")], [cells(text)], None)
    assert not set(row[0].text) & set("\x1b\r\x9b\N{RIGHT-TO-LEFT OVERRIDE}")


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]),
        ("one two three", None, ["one two three"]),
        ("one two three", 7, ["one two", "three"]),
        ("unbreakable is", 5, ["unbreakable", "is"]),
        ("a unbreakable", 5, ["a", "unbreakable"]),
        ("日本 語語", 4, ["日本", "語語"]),
    ],
)
def test_prose_is_broken_between_words(
    text: str, width: int | None, lines: list[str]
) -> None:
    assert paragraphs.wrap(text, width) == lines

"""ARCHITECTURE.md shows the tables as they are."""

from support import diagrams


def test_the_pictures_are_drawn_from_the_tables() -> None:
    page = diagrams.PAGE.read_text("utf-8")
    assert diagrams.redrawn(page) == page, "run 'make diagrams'"

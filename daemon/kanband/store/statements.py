"""The SQL of the verbs, read once from ``sql/sqlite/<noun>.sql``.

A file holds named statements: each begins at a line ``-- name: <name>``; ``{name}``
in one stands for another of the same file, such as a list of columns, or of
``parts.sql``. The texts are the same objects for ever, so that APSW's statement cache
finds them prepared.
"""

import re
from collections.abc import Mapping
from importlib import resources
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_PART: Final = re.compile(r"\{(\w+)\}")
_FOLDER: Final = resources.files("kanband.store") / "sql" / "sqlite"
_COMMENT: Final = re.compile(r"--.*")
_MIGRATION: Final = re.compile(r"(\d{4})\.sql")


def load(noun: str) -> Mapping[str, str]:
    """The statements of one file, by name."""
    bare = _read(noun)
    known = {**_read("parts"), **bare}
    return {name: _whole(known, name) for name in bare}


def _read(noun: str) -> dict[str, str]:
    text = (_FOLDER / f"{noun}.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    names, bodies = parts[::2], parts[1::2]
    assert len(set(names)) == len(names), f"a name occurs twice in {noun}.sql"
    return dict(zip(names, (_bare(body) for body in bodies), strict=True))


def _whole(bare: Mapping[str, str], name: str) -> str:
    """With its parts, and theirs, in their places."""
    return _PART.sub(lambda part: _whole(bare, part[1]), bare[name])


def _bare(text: str) -> str:
    """Without comments and line breaks: APSW hashes and compares the whole text at
    each use, also for each row of an ``executemany``.
    """
    return " ".join(_COMMENT.sub("", text).split())


def migrations() -> list[str]:
    """The scripts in order: the first makes schema version 1 of nothing."""
    folder = _FOLDER / "migrations"
    found = sorted(
        entry.name for entry in folder.iterdir() if _MIGRATION.fullmatch(entry.name)
    )
    assert found == [f"{number:04}.sql" for number in range(1, len(found) + 1)]
    return [(folder / name).read_text("utf-8") for name in found]

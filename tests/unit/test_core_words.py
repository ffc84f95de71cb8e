"""Priorities, ids, diagrams, and what a new ticket must be."""

import uuid

import pytest

from kanban_ipc import bounds
from kanban_ipc.control import NewTicket
from kanban_ipc.words import PRIORITIES, Priority
from kanband.core.diagram import mermaid
from kanband.core.ids import RunIds, uuid7
from kanband.core.intake import flaw
from kanband.core.priority import band, of_number, resolve, to_number

RANDOM = bytes(range(8))


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (10, "urgent"),
        (9, "urgent"),
        (8, "high"),
        (7, "high"),
        (6, "medium"),
        (5, "medium"),
        (4, "medium"),
        (3, "low"),
        (1, "low"),
    ],
)
def test_a_priority_number_falls_into_a_band(number: int, word: Priority) -> None:
    assert of_number(number) == word


@pytest.mark.parametrize("number", [0, 11, -1])
def test_a_priority_number_outside_of_one_to_ten_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 10"):
        of_number(number)


def test_a_priority_word_and_its_number_agree() -> None:
    assert [of_number(to_number(word)) for word in PRIORITIES] == list(PRIORITIES)
    assert [band(word) for word in PRIORITIES] == [0, 1, 2, 3]


def test_the_default_priority_is_medium() -> None:
    assert resolve(None, None) == ("medium", 5)
    assert resolve("high", None) == ("high", 8)
    assert resolve(None, 1) == ("low", 1)


def test_an_id_is_a_uuid_of_version_7_that_tells_its_time() -> None:
    made = uuid.UUID(uuid7(1_700_000_000_123, RANDOM))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == 1_700_000_000_123


def test_the_example_of_rfc_9562_comes_out() -> None:
    random = ((0b10 << 62) | 0x18C4DC0C0C07398F).to_bytes(8, "big")
    made = uuid7(0x017F22E279B0, random, counter=0xCC3)
    assert made == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@pytest.mark.parametrize(
    ("time_ms", "random", "counter"),
    [(-1, RANDOM, 0), (1 << 48, RANDOM, 0), (1, RANDOM, 4096), (1, b"short", 0)],
)
def test_what_does_not_fit_an_id_is_refused(
    time_ms: int, random: bytes, counter: int
) -> None:
    with pytest.raises(ValueError, match=r"random bytes|out of range"):
        uuid7(time_ms, random, counter=counter)


def test_ids_of_one_maker_increase_whatever_the_clock_does() -> None:
    maker = RunIds()
    times = [5] * 5_000 + [3, 4, 5, 6, 7]
    ids = [maker.next(time_ms, b"\xff" * 8) for time_ms in times]
    assert ids == sorted(set(ids))


def test_a_diagram_joins_the_labels_of_an_edge() -> None:
    text = mermaid(
        "T", [("[*]", "a", ""), ("a", "b", "x"), ("a", "b", "y"), ("a", "b", "x")]
    )
    assert text == (
        "---\ntitle: T\n---\nstateDiagram-v2\n    [*] --> a\n    a --> b: x, y\n"
    )


def test_a_plain_ticket_has_no_flaw() -> None:
    full = NewTicket(
        title="t" * bounds.TICKET_TITLE_CHARS_MAX,
        description_md="d" * bounds.TICKET_TEXT_BYTES_MAX,
        labels=["l" * bounds.LABEL_CHARS_MAX] * bounds.LABELS_MAX,
        depends_on=list(range(bounds.DEPENDENCIES_MAX)),
        priority_number=10,
        max_retries=0,
        timeout_s=0.1,
    )
    assert flaw(full) is None
    assert flaw(NewTicket(title="t")) is None


@pytest.mark.parametrize(
    ("new", "word"),
    [
        (NewTicket(title=" \n"), "title"),
        (NewTicket(title="t" * (bounds.TICKET_TITLE_CHARS_MAX + 1)), "title"),
        (NewTicket(title="t", description_md="ä" * (1 << 17) + "x"), "description"),
        (NewTicket(title="t", instructions="x" * ((256 << 10) + 1)), "instructions"),
        (NewTicket(title="t", board=""), "board"),
        (NewTicket(title="t", agent=""), "agent"),
        (NewTicket(title="t", priority="low", priority_number=1), "not both"),
        (NewTicket(title="t", priority_number=0), "from 1 to 10"),
        (NewTicket(title="t", max_retries=-1), "max_retries"),
        (NewTicket(title="t", timeout_s=-1.0), "timeout_s"),
        (NewTicket(title="t", timeout_s=float("nan")), "timeout_s"),
        (NewTicket(title="t", estimated_duration_s=0.0), "estimated_duration_s"),
        (NewTicket(title="t", labels=["x"] * 51), "labels"),
        (NewTicket(title="t", labels=[""]), "label"),
        (NewTicket(title="t", labels=["x" * 101]), "label"),
        (NewTicket(title="t", depends_on=[1] * 101), "dependencies"),
    ],
)
def test_each_flaw_is_named(new: NewTicket, word: str) -> None:
    reason = flaw(new)
    assert reason is not None
    assert word in reason

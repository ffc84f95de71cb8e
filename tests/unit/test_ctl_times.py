"""Times and durations as people write and read them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanbanctl import times, wording

NOW_MS = 1_750_000_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("1.5", 1.5),
        ("90s", 90),
        ("5m", 300),
        ("5 min", 300),
        ("1h30m", 5_400),
        ("1h 30m", 5_400),
        (" 2D ", 172_800),
    ],
)
def test_a_duration_is_understood(text: str, seconds: float) -> None:
    assert times.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "x", "-5", "5x", "5m x", "1h30", "5m5", "\N{FULLWIDTH DIGIT ONE}"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        times.parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.00 s"),
        (0.256, "0.26 s"),
        (1.25, "1.2 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (3_600, "1 h"),
        (3_605, "1 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_duration_is_shown_by_its_two_largest_units(
    seconds: float, text: str
) -> None:
    assert times.duration(seconds) == text


@given(st.floats(0, 1e9))
def test_every_duration_has_words(seconds: float) -> None:
    assert times.duration(seconds)
    assert times.rough(seconds)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (NOW_MS - 180_000, "3 min ago"),
        (NOW_MS + 20_000, "in 20 s"),
        (NOW_MS - 1_000, "just now"),
        (NOW_MS - 200_000_000, "2 d ago"),
    ],
)
def test_a_moment_is_shown_by_its_distance(ms: int, text: str) -> None:
    assert times.ago(ms, NOW_MS) == text


def test_programs_get_rfc_3339_in_utc() -> None:
    assert times.rfc3339(NOW_MS + 7) == "2025-06-15T15:06:40.007Z"
    assert times.rfc3339(-1) == "1969-12-31T23:59:59.999Z"


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_no_number_is_too_odd_for_a_time(ms: int) -> None:
    assert times.rfc3339(ms)
    assert times.local(ms)


def test_a_moment_is_understood() -> None:
    assert times.parse_time("+90m", NOW_MS) == NOW_MS + 5_400_000
    assert times.parse_time("2025-06-15T15:06:40Z", NOW_MS) == NOW_MS
    assert times.parse_time("2025-06-15T17:06:40+02:00", NOW_MS) == NOW_MS
    local = datetime.fromtimestamp(NOW_MS / 1000, UTC).astimezone()
    assert times.parse_time(local.strftime("%Y-%m-%d %H:%M:%S"), NOW_MS) == NOW_MS


def test_a_time_of_day_is_the_next_one() -> None:
    for text in ("00:00", "12:30", "23:59"):
        assert NOW_MS < times.parse_time(text, NOW_MS) <= NOW_MS + 90_000_000


@pytest.mark.parametrize(
    "text", ["", "soon", "+x", "25:00", "2025-13-01", "99999-01-01"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        times.parse_time(text, NOW_MS)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 tickets"), (1, "1 ticket"), (10_000, "10,000 tickets")],
)
def test_plural_words_are_right(count: int, text: str) -> None:
    assert wording.plural(count, "ticket") == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 << 20, "20 MiB")],
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert wording.size(count) == text


def test_words_are_listed_as_in_a_sentence() -> None:
    assert wording.listed([]) == ""
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([], ""),
        ([3], "#3"),
        ([2, 1, 2], "#1 and #2"),
        ([5, 6, 7, 9, 1, 2], "#1, #2, #5 to #7 and #9"),
    ],
)
def test_tickets_are_listed_by_stretches(ids: list[int], words: str) -> None:
    assert wording.numbers(ids) == words

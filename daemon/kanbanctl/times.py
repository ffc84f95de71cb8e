"""Times and durations, for people and for programs, and back again.

Nothing here reads a clock: the present is an argument, milliseconds UTC.
"""

import os
import re
from typing import Final

UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
UNIT_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
JUST_NOW_S: Final = 1.5
MILLISECONDS_BELOW_S: Final = 1.0
TENTHS_BELOW_S: Final = 10.0
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|min|m|h|d|)")
_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def rfc3339(ms: int) -> str:
    """``2025-01-31T08:09:10.123Z``; for a time beyond year 9999, the number itself."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 (start-up time)

    try:
        time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    except OverflowError:
        return str(ms)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def local(ms: int) -> str:
    """``2025-01-31 09:09:10`` in the person's time zone."""
    from datetime import datetime  # noqa: PLC0415 (start-up time)

    try:
        time = datetime.fromtimestamp(ms // 1000)  # noqa: DTZ006 (local is meant)
    except (OverflowError, ValueError, OSError):
        return str(ms)
    return time.strftime("%Y-%m-%d %H:%M:%S")


def local_zone() -> str:
    """The name of the person's time zone; UTC where the system does not say."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if "/" in named and not named.startswith("/"):
        return named
    target = os.path.realpath("/etc/localtime")
    return target.partition("/zoneinfo/")[2].removeprefix("posix/") or "UTC"


def duration(seconds: float) -> str:
    """The two largest units: ``0.25 s``, ``12 s``, ``3 min 5 s``, ``2 d 4 h``."""
    if seconds < MILLISECONDS_BELOW_S:
        return f"{max(seconds, 0):.2f} s"
    if seconds < TENTHS_BELOW_S:
        return f"{seconds:.1f} s"
    parts: list[str] = []
    rest = round(seconds)
    for name, size in UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2])


def rough(seconds: float) -> str:
    """The largest unit alone: ``12 s``, ``3 min``."""
    if seconds < MILLISECONDS_BELOW_S:
        return "0 s"
    return next(f"{int(seconds // size)} {n}" for n, size in UNITS if seconds >= size)


def ago(ms: int, now_ms: int) -> str:
    """``3 min ago``, ``in 20 s``, ``just now``."""
    seconds = (now_ms - ms) / 1000
    if abs(seconds) < JUST_NOW_S:
        return "just now"
    return f"{rough(seconds)} ago" if seconds > 0 else f"in {rough(-seconds)}"


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``5m``, ``1h30m``. Raises ``ValueError``."""
    compact = text.strip().lower()
    total, at = 0.0, 0
    while match := _DURATION.match(compact, at):
        number, unit = match.groups()
        is_whole = match.span() == (0, len(compact))
        if not unit and not is_whole:
            break
        total += float(number) * UNIT_S[unit or "s"]
        at = match.end()
        while at < len(compact) and compact[at] == " ":
            at += 1
    if at < len(compact) or not compact:
        raise ValueError(f"{text!r:.60} is not a duration; write 90s, 5m, 1h30m or 2d")
    return total


def parse_time(text: str, now_ms: int) -> int:
    """Milliseconds of what people write for a moment. Raises ``ValueError``.

    ``+90m``, ``18:30`` (the next one), ``2025-01-31 18:30`` (local) or RFC 3339.
    """
    from datetime import datetime, timedelta  # noqa: PLC0415 (start-up time)

    wish = text.strip()
    try:
        if wish.startswith("+"):
            return now_ms + round(parse_duration(wish[1:]) * 1000)
        if clock := _CLOCK.fullmatch(wish):
            now = datetime.fromtimestamp(now_ms / 1000)  # noqa: DTZ006 (local is meant)
            hour, minute = map(int, clock.groups())
            time = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
            if time <= now:
                time += timedelta(days=1)
        else:
            time = datetime.fromisoformat(wish)
        ms = round(time.timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(
            f"{text!r:.60} is not a time; write 18:30, +90m, '2025-01-31 18:30' or "
            "2025-01-31T18:30:00Z",
        ) from error
    return ms

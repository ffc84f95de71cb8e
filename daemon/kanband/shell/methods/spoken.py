"""Times in sentences."""

from typing import Final

_UNITS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def span(seconds: float) -> str:
    """``1.5 s``, ``12 s``, ``3 min``, ``5 h``, ``2 d``: as exact as one needs."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{max(seconds, 0):.1f} s"  # noqa: PLR2004


def until(then_ms: int, now_ms: int) -> str:
    """``in 3 min``, or ``now``."""
    return "now" if then_ms <= now_ms else f"in {span((then_ms - now_ms) / 1000)}"

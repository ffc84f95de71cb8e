"""How long a provider is left alone after a rate limit.

A provider is what profiles share: an account, an API. Its first refusal costs a minute,
each further one in a row twice as much, up to half an hour; where it says itself how
long to wait (Retry-After), that counts. What other runs of the same moment report while
it cools says nothing new, and makes no row longer. A success ends the row.

Absent: the clock, and which tickets wait for it (the store's claim parks them).
"""

from typing import Final

import msgspec

COOL_DOWN_INITIAL_S: Final = 60
COOL_DOWN_MAX_S: Final = 1_800
RETRY_AFTER_MAX_S: Final = 86_400
"""A day: daily quotas are the longest that providers have; more is a mistake."""
_EXPONENT_MAX: Final = 16
"""Where the wait has long been at its cap."""


class CoolDown(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that refused and has not yet worked again."""

    provider: str
    in_a_row: int
    """Refusals, those of one cool-down counted as one."""
    until_ms: int | None
    """None: it may be tried, but its row is remembered until it works."""

    def holds(self, now_ms: int) -> bool:
        """Whether nothing of this provider may begin now."""
        return self.until_ms is not None and self.until_ms > now_ms


def cooled(
    before: CoolDown | None, provider: str, retry_after_s: int, now_ms: int
) -> CoolDown:
    """After one more refusal; ``retry_after_s``: 0 is not known."""
    row = 0 if before is None else before.in_a_row
    until_ms = now_ms
    if before is not None and before.until_ms is not None and before.holds(now_ms):
        until_ms = before.until_ms
    else:
        row += 1
    if retry_after_s > 0:
        until_ms = max(until_ms, now_ms + min(retry_after_s, RETRY_AFTER_MAX_S) * 1000)
    elif until_ms == now_ms:
        until_ms = now_ms + wait_s(row) * 1000
    return CoolDown(provider=provider, in_a_row=row, until_ms=until_ms)


def wait_s(in_a_row: int) -> int:
    """The nth cool-down in a row, from 1, of a provider that does not say how long."""
    exponent = min(in_a_row - 1, _EXPONENT_MAX)
    return min(COOL_DOWN_INITIAL_S << exponent, COOL_DOWN_MAX_S)

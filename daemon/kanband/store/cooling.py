"""Providers that cool down: kept, met by a claim, and warm again.

A claim that finds a provider cooling parks all claimable tickets of its agents in one
statement, so that no later claim meets them. They wait with the time of its end, and
the due timer wakes them; a claim parks again what is woken too early.
"""

from collections.abc import Mapping
from typing import Final

import apsw

from kanband.core import journal
from kanband.core.cooldowns import CoolDown
from kanband.store.ledger import Ledger
from kanband.store.rows import encode
from kanband.store.statements import load
from kanband.store.values import ANY, ClaimPolicy

_SQL: Final = load("cooling")


def cooldowns(db: apsw.Connection) -> list[CoolDown]:
    """See ``Reads.cooldowns``."""
    return [
        CoolDown(provider=provider, in_a_row=row, until_ms=until_ms)
        for provider, row, until_ms in db.execute(_SQL["all"])
    ]


def agents_of(policy: ClaimPolicy, provider: str) -> list[str]:
    """What tickets may name that means an agent of this provider."""
    names = [name for name in policy.agents if policy.provider(name) == provider]
    return [*names, ANY] if policy.default_agent in names else names


def park(db: apsw.Connection, policy: ClaimPolicy, now_ms: int) -> frozenset[str]:
    """Every claimable ticket whose provider cools down waits for its end; which do."""
    cooling = [each for each in cooldowns(db) if each.holds(now_ms)]
    for each in cooling:
        names = encode(agents_of(policy, each.provider)).decode()
        db.execute(_SQL["park"], (each.until_ms, each.provider, names))
    return frozenset(each.provider for each in cooling)


class Refusals:
    """What the results of one call of ``settle`` say of providers."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._known: dict[str, CoolDown] = {
            each.provider: each for each in cooldowns(db)
        }

    def refused(self, ledger: Ledger, lease: journal.Lease, cool: CoolDown) -> None:
        """Keep what ``core.cooldowns`` made of a refusal."""
        self._known[cool.provider] = cool
        row = (cool.provider, cool.in_a_row, cool.until_ms)
        self._db.execute(_SQL["put"], row)
        ledger.note(journal.provider_cooling(lease, cool))

    def worked(self, ledger: Ledger, provider: str, now_ms: int) -> None:
        """A run succeeded. One that began before the refusal proves nothing."""
        known = self._known.get(provider)
        if known is not None and not known.holds(now_ms):
            del self._known[provider]
            self._db.execute(_SQL["forget"], (provider,))
            ledger.note(journal.provider_works(provider))

    def known(self) -> Mapping[str, CoolDown]:
        """By provider."""
        return self._known


def warm_up(db: apsw.Connection, ledger: Ledger, now_ms: int) -> None:
    """End what has fallen due; its tickets are woken with all others that are due."""
    for (provider,) in sorted(db.execute(_SQL["warm"], (now_ms,))):
        ledger.note(journal.provider_warm(provider))


def end_cooldown(db: apsw.Connection, provider: str, *, now_ms: int) -> bool:
    """See ``Verbs.end_cooldown``."""
    db.execute(_SQL["warm_one"], (provider,))
    if db.changes() == 0:
        return False
    db.execute(_SQL["wake"], (provider,))
    ledger = Ledger(db, now_ms)
    ledger.note(journal.provider_warm(provider, by_user=True))
    ledger.write()
    return True


def wake_all(db: apsw.Connection) -> int:
    """Agents changed: whoever waits for a provider is looked at anew; how many."""
    db.execute(_SQL["wake_all"])
    return db.changes()

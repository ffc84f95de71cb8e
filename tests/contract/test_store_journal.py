"""The journal's oldest entries go; the story that is left stays lawful."""

from support.stores import Bench


def prune(store: Bench, up_to: int) -> int:
    return store.do(lambda verbs: verbs.prune_journal(up_to))


def test_entries_up_to_the_base_are_gone_and_numbers_go_on(store: Bench) -> None:
    store.add("one", "two", "three")
    assert prune(store, 2) == 2
    assert store.reads.journal_base() == 2
    left = store.reads.events(since=0, limit=100)
    assert [event.seq for event in left] == [3]
    store.one()
    assert store.reads.last_seq() == 4


def test_the_newest_entry_is_never_pruned(store: Bench) -> None:
    store.add("one", "two")
    assert prune(store, 100) == 1
    assert prune(store, 0) == 1
    store.one()
    assert [event.seq for event in store.reads.events(since=0, limit=9)] == [2, 3]


def test_only_what_is_older_from_the_oldest_on_is_named(store: Bench) -> None:
    store.one()
    early = store.now_ms
    store.now_ms += 1_000
    store.one()
    store.one()
    assert store.reads.journal_before(early) == 0
    assert store.reads.journal_before(early + 1) == 1
    assert store.reads.journal_before(early + 10_000) == 2
    prune(store, 1)
    assert store.reads.journal_before(early) == 1


def test_a_life_that_is_half_pruned_is_still_lawful(store: Bench) -> None:
    store.one()
    [claim] = store.claim()
    store.start(claim)
    for up_to in range(1, 4):
        prune(store, up_to)
        assert store.violations() == []
    store.finish(claim)
    assert store.violations() == []

"""A worker can say no number that the daemon could not keep."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args

import msgspec
import pytest
from msgspec import inspect

from kanban_ipc import bounds, frames, link
from kanban_ipc.errors import PeerError
from kanban_ipc.words import Epoch, RunId, WorkerId

RUN = RunId("01920000-0000-7000-8000-000000000001")
KEPT_MAX = (1 << 53) - 1


def numbers(kind: inspect.Type, place: str) -> Iterator[tuple[str, inspect.IntType]]:
    """Every integer in a type, with its place."""
    match kind:
        case inspect.IntType():
            yield place, kind
        case inspect.StructType():
            for field in kind.fields:
                yield from numbers(field.type, f"{place}.{field.name}")
        case inspect.UnionType():
            for part in kind.types:
                yield from numbers(part, place)
        case inspect.VarTupleType() | inspect.ListType():
            yield from numbers(kind.item_type, place)
        case _:
            return


def of_workers(union: UnionType) -> list[tuple[str, inspect.IntType]]:
    return [
        found
        for message in get_args(union)
        for found in numbers(inspect.type_info(message), message.__name__)
    ]


def test_every_number_that_a_worker_says_is_bounded() -> None:
    union: Any = link.WorkerMessage
    found = of_workers(union)
    assert len(found) > 30
    open_ended = [place for place, kind in found if kind.le is None or kind.ge is None]
    assert open_ended == []


@pytest.mark.parametrize("number", [KEPT_MAX + 1, 1 << 63, (1 << 64) - 1, -(1 << 63)])
def test_a_number_that_no_store_keeps_is_refused_at_the_door(number: int) -> None:
    result = link.Result(outcome="finished", duration_ms=number)
    for message in (
        link.Log(RUN, Epoch(1), 1, number, "info", "x"),
        link.Started(RUN, Epoch(1), number, 1),
        link.Started(RUN, Epoch(number), 1, 1),
        link.Finished(RUN, Epoch(1), 1, 1, result),
    ):
        with pytest.raises(PeerError, match=r"int"):
            frames.from_worker(frames.join([frames.encode(message)]))


def test_the_greatest_numbers_that_are_kept_pass() -> None:
    log = link.Log(RUN, Epoch(KEPT_MAX), KEPT_MAX, -KEPT_MAX, "info", "x")
    assert frames.from_worker(frames.join([frames.encode(log)])) == [log]


def test_no_worker_can_claim_any_number_of_slots() -> None:
    hello = link.Hello(
        version=1,
        worker_id=WorkerId("worker-1"),
        incarnation="inc",
        secret="secret",
        process=link.ProcessId("boot", 1, 1),
        slots=bounds.SLOTS_MAX,
    )
    assert frames.from_worker(frames.join([frames.encode(hello)])) == [hello]
    greedy = msgspec.structs.replace(hello, slots=bounds.SLOTS_MAX + 1)
    with pytest.raises(PeerError):
        frames.from_worker(frames.join([frames.encode(greedy)]))

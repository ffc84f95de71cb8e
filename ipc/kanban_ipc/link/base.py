"""What every message is, and the bounds of what a worker may say in numbers."""

from typing import Annotated, Final, TypeAlias

import msgspec

from kanban_ipc import bounds
from kanban_ipc.words import Epoch


class Message(
    msgspec.Struct, frozen=True, array_like=True, tag=True, omit_defaults=False
):
    """Base of everything on the link; the tag is the class's name."""


_NUMBER_MAX: Final = (1 << 53) - 1
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-_NUMBER_MAX, le=_NUMBER_MAX)]
"""What a worker may say: SQLite and JSON hold it, and sums of a few of them. One that
no store could hold would fail the commit of everybody's reports, for ever."""
SaidEpoch: TypeAlias = Annotated[Epoch, msgspec.Meta(ge=0, le=_NUMBER_MAX)]
Slots: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=bounds.SLOTS_MAX)]

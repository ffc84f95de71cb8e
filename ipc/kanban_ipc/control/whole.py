"""All topics of the interface as one: every name, and the table of all methods."""

# ruff: noqa: F403 - the names are listed where they are made

from typing import Final

from kanban_ipc.control import (
    adding,
    base,
    boards,
    editing,
    events,
    moving,
    queue,
    reading,
    runs,
    schedules,
    service,
    status,
    upkeep,
    workers,
)
from kanban_ipc.control.adding import *
from kanban_ipc.control.base import *
from kanban_ipc.control.boards import *
from kanban_ipc.control.editing import *
from kanban_ipc.control.errors import *
from kanban_ipc.control.events import *
from kanban_ipc.control.moving import *
from kanban_ipc.control.queue import *
from kanban_ipc.control.reading import *
from kanban_ipc.control.runs import *
from kanban_ipc.control.schedules import *
from kanban_ipc.control.service import *
from kanban_ipc.control.status import *
from kanban_ipc.control.tickets import *
from kanban_ipc.control.upkeep import *
from kanban_ipc.control.workers import *

METHODS: Final[dict[str, base.Method]] = {
    name: method
    for topic in (
        status,
        workers,
        adding,
        reading,
        editing,
        moving,
        runs,
        events,
        boards,
        queue,
        schedules,
        service,
        upkeep,
    )
    for name, method in topic.PART.items()
}

"""The verbs in memory: the oracle of tests and of the simulation.

Plain loops over plain records, so that one can see that it is right. It shares the
core's decisions and the words for people with ``sqlite``, and nothing of how tickets
are kept, found or woken.
"""

from kanband.store.model.asking import Asking
from kanband.store.model.boards import Boards
from kanband.store.model.claiming import Claiming
from kanband.store.model.editing import Editing
from kanband.store.model.moving import Moving
from kanband.store.model.reads import ModelReads
from kanband.store.model.running import Running
from kanband.store.model.workers import Workers
from kanband.store.model.world import World

__all__ = ["ModelReads", "ModelVerbs", "World"]


class ModelVerbs(Claiming, Running, Asking, Moving, Editing, Boards, Workers):
    """``Verbs`` on a world."""

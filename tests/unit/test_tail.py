"""A file that is read in a thread, and let go of by the loop meanwhile."""

import threading
from pathlib import Path

from kanband.shell.methods.tail import Hole, Tail

PATIENCE_S = 20.0


def descriptors(path: Path) -> int:
    """How many of this process lead to the file."""
    links = Path("/proc/self/fd")
    return sum(_leads_to(link, path) for link in links.iterdir())


def _leads_to(link: Path, path: Path) -> bool:
    try:
        return link.readlink() == path
    except FileNotFoundError:
        return False


def test_a_close_during_a_read_leaves_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a line\n")
    reading, go_on = threading.Event(), threading.Event()

    def slow() -> Hole | None:
        reading.set()
        assert go_on.wait(PATIENCE_S)
        return None

    tail = Tail(path, hole=slow)
    thread = threading.Thread(target=tail.read, daemon=True)
    thread.start()
    assert reading.wait(PATIENCE_S)
    assert descriptors(path) == 1
    tail.close()
    go_on.set()
    thread.join(PATIENCE_S)
    assert descriptors(path) == 0


def test_a_read_after_the_close_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a line\n")
    tail = Tail(path)
    assert tail.read() == "a line\n"
    tail.close()
    assert tail.read() is None
    assert descriptors(path) == 0

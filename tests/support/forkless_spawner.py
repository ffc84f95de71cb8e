"""The spawner, with a kernel that refuses forks as it does when processes are short.

It does while the file ``no-fork`` lies in the state directory: root, as whom tests may
run, is above ``RLIMIT_NPROC``.
"""

import errno
import os
import sys
from pathlib import Path
from unittest import mock

from kanban_worker.spawner import main

REFUSED = "no-fork"


def run(argv: list[str]) -> int:
    flag = Path(argv[argv.index("--state-dir") + 1]) / REFUSED
    fork = os.fork

    def refusing() -> int:
        if flag.exists():
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()

    with mock.patch("os.fork", refusing):
        return main(argv)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

"""Whole packets on the loop."""

import asyncio
import os
import socket
from pathlib import Path

from kanband.shell.seqpacket import SeqPacket


def test_what_is_sent_on_a_broken_connection_leaves_no_descriptor() -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        closed: list[bool] = []
        link = SeqPacket(ours, lambda _packet: None, lambda: closed.append(True))
        theirs.close()
        for _ in range(5):
            link.send(b"a secret comes along", os.memfd_create("secret-of-nobody"))
        await asyncio.sleep(0)
        assert closed == [True]
        link.close()

    asyncio.run(main())
    links = [str(entry.readlink()) for entry in _descriptors()]
    assert [link for link in links if "secret-of-nobody" in link] == []


def _descriptors() -> list[Path]:
    return [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]

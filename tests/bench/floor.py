"""The floor under a durable dispatcher in Python: what is left without any policy.

One process with an asyncio loop, a ROUTER drained by its descriptor and one SQLite
writer thread with group commit at ``synchronous=FULL``; W processes that answer every
message at once. Each ticket: claimed (ticket, run and journal row), sent, answered,
settled (the same three rows). No validation, no leases, no limits, no reader.

    floor.py [TICKETS] [WORKERS] [SLOTS]     one line of JSON
"""

import asyncio
import json
import multiprocessing
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import msgspec
import zmq

GROUP_MAX = 64
SCHEMA = """
create table tickets(id integer primary key, state integer not null,
  priority integer not null, epoch integer not null default 0, run integer,
  title text) strict;
create index ready on tickets(priority, id) where state = 1;
create table runs(id integer primary key, ticket integer not null,
  epoch integer not null, worker text, status integer not null, started integer,
  ended integer) strict;
create table journal(seq integer primary key, ts integer, type integer,
  ticket integer, payload text) strict;
"""
CLAIM = """
update tickets set state = 2, epoch = epoch + 1 where id in
  (select id from tickets where state = 1 order by priority, id limit ?)
returning id, epoch, title
"""


class Hello(msgspec.Struct, array_like=True, tag=True):
    slots: int


class Assign(msgspec.Struct, array_like=True, tag=True):
    ticket: int
    run: int
    epoch: int
    title: str


class Finished(msgspec.Struct, array_like=True, tag=True):
    ticket: int
    run: int
    epoch: int


Job = tuple[Callable[[], Any], Callable[[Any], None]]


def work(endpoint: str, name: str, slots: int) -> None:
    """A worker that is always done already."""
    encode = msgspec.msgpack.Encoder().encode
    decode = msgspec.msgpack.Decoder(Assign).decode
    socket = zmq.Context().socket(zmq.DEALER)
    socket.setsockopt(zmq.ROUTING_ID, name.encode())
    socket.connect(endpoint)
    socket.send(encode(Hello(slots)))
    while True:
        job = decode(socket.recv())
        socket.send(encode(Finished(job.ticket, job.run, job.epoch)))


class Writer:
    """The store: one thread, whatever is queued in one transaction."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.db = apsw.Connection(str(path))
        self.db.execute("pragma journal_mode=wal").fetchall()
        self.db.execute("pragma synchronous=full").fetchall()
        self.db.execute(SCHEMA)
        self._loop = loop
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def do(self, call: Callable[[], Any], answer: Callable[[Any], None]) -> None:
        """Queue it; the answer comes after the commit, on the loop."""
        self._jobs.put((call, answer))

    def _serve(self) -> None:
        while True:
            group = [self._jobs.get()]
            while len(group) < GROUP_MAX and not self._jobs.empty():
                group.append(self._jobs.get())
            self.db.execute("begin immediate")
            answers = [(answer, call()) for call, answer in group]
            self.db.execute("commit")
            self._loop.call_soon_threadsafe(self._tell, answers)

    @staticmethod
    def _tell(answers: list[tuple[Callable[[Any], None], Any]]) -> None:
        for answer, result in answers:
            answer(result)


class Daemon:
    """Everything between the socket and the store."""

    def __init__(
        self, writer: Writer, socket: "zmq.Socket[bytes]", expected: int
    ) -> None:
        self.writer = writer
        self.socket = socket
        self.free: dict[str, int] = {}
        self.done = 0
        self.expected = expected
        self.finished = asyncio.Event()
        self.open = False
        self._finished: list[Finished] = []
        self._is_busy = False
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Finished | Hello).decode

    def receive(self) -> None:
        """Drain the socket."""
        while True:
            try:
                who, data = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            message = self._decode(data)
            if isinstance(message, Hello):
                self.free[who.decode()] = message.slots
            else:
                self._finished.append(message)
                self.free[who.decode()] += 1
        self.turn()

    def turn(self) -> None:
        """One transaction for all that has come, and for every free slot."""
        wants = [want for want in self.free.items() if want[1]] if self.open else []
        if self._is_busy or not (self._finished or wants):
            return
        ended, self._finished = self._finished, []
        self._is_busy = True
        for who, _ in wants:
            self.free[who] = 0
        self.writer.do(
            lambda: self._commit(ended, wants),
            lambda claims: self._send(claims, wants, len(ended)),
        )

    def _commit(
        self, ended: list[Finished], wants: list[tuple[str, int]]
    ) -> list[tuple[str, Assign]]:
        now = int(time.time() * 1000)
        many = self.writer.db.executemany
        keys = [(each.run, each.epoch) for each in ended]
        settle = "update runs set status = 2, ended = ? where id = ? and epoch = ?"
        many(settle, [(now, *key) for key in keys])
        free = "update tickets set state = 3, run = null where id = ? and epoch = ?"
        many(free, [(each.ticket, each.epoch) for each in ended])
        self._journal(now, 3, [each.ticket for each in ended])
        return [claim for want in wants for claim in self._claim(now, *want)]

    def _claim(self, now: int, who: str, count: int) -> list[tuple[str, Assign]]:
        db, claims = self.writer.db, []
        rows: list[Any] = db.execute(CLAIM, (count,)).fetchall()
        for ticket, epoch, title in rows:
            insert = "insert into runs(ticket,epoch,worker,status,started)"
            values = (ticket, epoch, who, now)
            db.execute(f"{insert} values(?, ?, ?, 1, ?)", values)
            run = db.last_insert_rowid()
            claims.append((who, Assign(ticket, run, epoch, title)))
        self._journal(now, 2, [claim.ticket for _, claim in claims])
        return claims

    def _journal(self, now: int, kind: int, tickets: list[int]) -> None:
        rows = [(now, kind, ticket, '{"from":"a","to":"b"}') for ticket in tickets]
        insert = "insert into journal(ts, type, ticket, payload) values(?, ?, ?, ?)"
        self.writer.db.executemany(insert, rows)

    def _send(
        self,
        claims: list[tuple[str, Assign]],
        wants: list[tuple[str, int]],
        ended: int,
    ) -> None:
        left = dict(wants)
        for who, claim in claims:
            left[who] -= 1
            self.socket.send_multipart([who.encode(), self._encode(claim)])
        for who, count in left.items():
            self.free[who] += count
        if wants and not any(left[who] == 0 for who, _ in wants):
            self.open = False
        self.done += ended
        if self.done == self.expected:
            self.finished.set()
        self._is_busy = False
        # The descriptor is edge-triggered, and sending may have eaten the edge.
        self.receive()


async def drain(folder: Path, tickets: int, workers: int, slots: int) -> float:
    """Tickets per second."""
    endpoint = f"ipc://{folder}/link"
    fork = multiprocessing.get_context("fork")
    processes = [
        fork.Process(target=work, args=(endpoint, f"w{n}", slots), daemon=True)
        for n in range(workers)
    ]
    for process in processes:
        process.start()
    loop = asyncio.get_running_loop()
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.bind(endpoint)
    writer = Writer(folder / "store.db", loop)
    daemon = Daemon(writer, socket, tickets)
    rows = ((n, f"ticket {n}") for n in range(1, tickets + 1))
    insert = "insert into tickets(id, state, priority, title) values(?, 1, 2, ?)"
    with writer.db:
        writer.db.executemany(insert, rows)
    loop.add_reader(int(socket.get(zmq.FD)), daemon.receive)
    while len(daemon.free) < workers:
        daemon.receive()
        await asyncio.sleep(0.01)
    began = time.perf_counter()
    daemon.open = True
    daemon.turn()
    await daemon.finished.wait()
    took_s = time.perf_counter() - began
    for process in processes:
        process.kill()
        process.join()
    return tickets / took_s


def main() -> None:
    """See the module."""
    given = [int(word) for word in sys.argv[1:]]
    tickets, workers, slots = given + [20_000, 2, 16][len(given) :]
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        per_s = asyncio.run(drain(Path(folder), tickets, workers, slots))
    size = {"tickets": tickets, "workers": workers, "slots": slots}
    print(json.dumps({"bench": "floor", **size, "per_s": round(per_s)}))


if __name__ == "__main__":
    main()

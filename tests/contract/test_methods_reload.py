"""``Reload``: the real store and sources of configuration, no workers."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kanban_ipc.control import AddCall, AddReply, NewTicket, ReloadCall, ReloadReply
from kanban_ipc.words import RunId, TicketId, WorkerId
from kanband.store.values import Want
from support.control_server import Served, served
from support.daemon_double import worker
from support.varlink_client import Answered

Fact = Callable[[Served, Path], Awaitable[None]]


def prove(tmp_path: Path, fact: Fact, toml: str = "") -> None:
    async def main() -> None:
        async with served(tmp_path, toml) as it:
            it.daemon.fleet.workers.append(worker())
            await fact(it, tmp_path / "kanban.toml")

    asyncio.run(main())


def write(file: Path, text: str | None) -> None:
    file.unlink()
    if text is not None:
        file.write_text(text)


async def reload(it: Served) -> ReloadReply:
    return await it.client.call(ReloadCall(), ReloadReply)


def test_a_new_profile_can_be_used_at_once(tmp_path: Path) -> None:
    async def fact(it: Served, file: Path) -> None:
        new = AddCall(ticket=NewTicket(title="T", agent="fixer"))
        with pytest.raises(Answered, match="there is no agent profile"):
            await it.client.call(new, AddReply)
        write(file, "[agents.fixer]\nargv = ['true']\n")
        reply = await reload(it)
        assert reply.config_file == str(file)
        assert [(c.key, c.before) for c in reply.changes] == [("agents.fixer", None)]
        await it.client.call(new, AddReply)
        assert it.daemon.claim_policy.default_agent == "fixer"
        assert it.daemon.runs.woken
        assert [each[0] for each in it.daemon.fleet.asked] == ["reconfigure"]
        assert (await reload(it)).changes == []

    prove(tmp_path, fact)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slots = 3\nslotz = 4\n", "line 2: slotz is not known, did you mean slots?"),
        ("slots = \n", "is not TOML"),
        ('slots = 3\ndefault_agent = "nobody"\n', "line 2: default_agent"),
        (None, "cannot be read"),
    ],
)
def test_a_faulty_file_changes_nothing(
    tmp_path: Path, text: str | None, said: str
) -> None:
    async def fact(it: Served, file: Path) -> None:
        before = it.daemon.config
        write(file, text)
        with pytest.raises(Answered) as refusal:
            await reload(it)
        assert refusal.value.name == "Refused"
        assert "the configuration in force goes on" in refusal.value.message
        assert said in refusal.value.message
        assert it.daemon.config is before
        assert it.daemon.fleet.asked == []

    prove(tmp_path, fact)


def test_what_needs_a_restart_is_named_and_not_taken_over(tmp_path: Path) -> None:
    async def fact(it: Served, file: Path) -> None:
        write(file, 'slots = 4\ndb_path = "other.db"\n')
        reply = await reload(it)
        assert {c.key: c.applies for c in reply.changes} == {
            "slots": "next_start",
            "db_path": "restart",
        }
        assert it.daemon.config.db_path == "kanban.db"
        [slots, restart] = reply.notes
        assert "kanbanctl restart-worker --all" in slots
        assert "db_path: as before until the daemon is started anew" in restart
        # It is still to be done, so it is said again.
        assert [c.key for c in (await reload(it)).changes] == ["db_path"]

    prove(tmp_path, fact)


def test_a_higher_limit_wakes_what_waits_for_its_repository(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)

    async def fact(it: Served, file: Path) -> None:
        ids = []
        for title in ("one", "two"):
            new = NewTicket(title=title, agent="shell", repo_path=str(repository))
            reply = await it.client.call(AddCall(ticket=new, ready=True), AddReply)
            ids.append(TicketId(reply.id))
        await it.daemon.claim()
        want = Want(worker_id=WorkerId("worker-1"), count=1)
        run_ids = [RunId("01890000-0000-7000-8000-999999999999")]
        now_ms = it.daemon.clock.now_ms()
        assert not await it.daemon.store.do(
            lambda verbs: verbs.claim(
                [want], it.daemon.claim_policy, run_ids=run_ids, now_ms=now_ms
            )
        )
        waiting = await it.daemon.store.read(lambda reads: reads.ticket(ids[1]))
        assert waiting is not None
        assert waiting.waits_for == "repo"
        write(file, "[queue]\nmax_runs_per_repo = 2\n")
        await reload(it)
        assert (await it.daemon.claim()).work.ticket_id == ids[1]

    prove(tmp_path, fact, "[queue]\nmax_runs_per_repo = 1\n")


def test_a_store_that_refuses_leaves_the_old_configuration_in_force(
    tmp_path: Path,
) -> None:
    async def fact(it: Served, file: Path) -> None:
        before = it.daemon.config
        await it.daemon.close()
        write(file, "[queue]\nmax_runs_per_repo = 2\n")
        with pytest.raises(Answered, match="StoreFailed"):
            await reload(it)
        assert it.daemon.config is before

    prove(tmp_path, fact)

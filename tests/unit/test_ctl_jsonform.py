"""``--json``: the shape programs rely on."""

import msgspec

from kanban_ipc import control
from kanban_ipc.control import whole
from kanbanctl import jsonform
from support.control_samples import NOW_MS, RUN, STATUS, TICKET

MOMENTS = {
    "at_ms",
    "answered_at_ms",
    "asked_at_ms",
    "completed_at_ms",
    "created_at_ms",
    "due_at_ms",
    "ended_at_ms",
    "next_try_ms",
    "queued_at_ms",
    "scheduled_at_ms",
    "started_at_ms",
    "state_changed_at_ms",
    "ts_ms",
    "until_ms",
    "updated_at_ms",
}
"""Every field of a reply that is a moment; a new one has to be named here or in
``jsonform.DURATIONS``."""


def test_every_field_in_milliseconds_is_known_as_a_moment_or_a_duration() -> None:
    structs = [
        value
        for value in vars(whole).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct)
    ]
    found = {
        name
        for struct in structs
        for name in struct.__struct_fields__
        if name.endswith("_ms")
    }
    assert found == MOMENTS | jsonform.DURATIONS


def test_status_has_the_promised_shape() -> None:
    status = jsonform.of_reply(STATUS)
    assert list(status) == ["schema", "daemon", "queue", "workers"]
    assert status["schema"] == 1
    promised = {"pid", "version", "mode", "state", "started_at", "uptime_s", "healthy"}
    assert promised <= status["daemon"].keys()
    promised = {
        *("depth", "backlog", "ready", "in_progress", "blocked", "review", "done"),
        *("active_workers", "paused"),
    }
    assert promised <= status["queue"].keys()
    promised = {
        *("worker_id", "pid", "host", "state", "activity", "connected", "uptime_s"),
        *("restart_count", "tickets_processed", "current", "last_heartbeat_age_s"),
        *("last_exit", "rss_bytes", "cpu_percent"),
    }
    assert promised <= status["workers"][0].keys()
    promised = {"ticket_id", "run_id", "progress", "stale"}
    assert promised <= status["workers"][0]["current"][0].keys()
    assert status["workers"][1]["last_exit"]["at"] == "2025-06-15T15:06:10.000Z"


def test_moments_are_rfc_3339_and_lose_their_unit() -> None:
    ticket = jsonform.plain(TICKET)
    assert ticket["created_at"] == "2025-06-15T13:06:40.000Z"
    assert ticket["completed_at"] is None
    assert not [name for name in ticket if name.endswith("_ms")]


def test_durations_keep_their_number_and_their_unit() -> None:
    run = jsonform.plain(RUN)
    assert run["cpu_ms"] == 12_500
    assert run["duration_s"] == 59.0


def test_a_payload_is_left_as_it_is() -> None:
    event = control.Event(
        seq=1,
        ts_ms=NOW_MS,
        sender="user",
        type="state_change",
        ticket_id=None,
        payload={"due_at_ms": 1, "from": None},
    )
    assert jsonform.plain(event)["payload"] == {"due_at_ms": 1, "from": None}

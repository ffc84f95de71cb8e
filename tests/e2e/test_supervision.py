"""Workers: those that cannot start, those that shall not, and how many there are."""

from collections.abc import Callable

from kanban_ipc import control
from support import traces
from support.deadline import eventually
from support.gate import Gate
from support.system import System

NewSystem = Callable[..., System]


def test_a_worker_that_dies_six_times_before_hello_is_fatal_and_status_says_why(
    new_system: NewSystem,
) -> None:
    system = new_system()
    # Its lock file cannot be opened where a folder stands.
    poison = system.state / "workers" / "worker-1.lock"
    poison.mkdir(parents=True)
    system.start()

    worker = eventually(
        lambda: worker if (worker := system.worker()).state == "FATAL" else None,
        "FATAL",
        timeout_s=30,
    )
    assert worker is not None
    assert worker.last_exit is not None
    assert any("worker-1.lock" in line for line in worker.last_exit.last_lines)
    said = system.ctl("status").stdout
    assert "FATAL" in said
    assert "worker-1.lock" in said
    assert not system.status().daemon.healthy

    poison.rmdir()
    system.ctl("reset-failed")
    system.worker_running()
    assert system.status().daemon.healthy


def test_a_stopped_worker_stays_stopped_over_a_restart_of_the_daemon(
    new_system: NewSystem,
) -> None:
    system = new_system(workers=2).start()
    second = system.worker_running("worker-2")
    system.worker_running("worker-1")

    system.ctl("stop-worker", "worker-2")
    assert not traces.alive(second)
    system.kill_daemon()
    system.start()

    system.worker_running("worker-1")
    stopped = system.worker("worker-2")
    assert (stopped.state, stopped.wanted, stopped.pid) == ("STOPPED", "stop", None)
    system.ctl("start-worker", "worker-2")
    assert system.worker("worker-2").state == "RUNNING"


def test_scale_says_what_it_started_and_what_it_stopped(system: System) -> None:
    system.worker_running()  # scale waits for those that it starts itself
    up = system.ask(control.ScaleCall(count=3), control.RestartedReply)
    assert [worker.state for worker in up.workers] == ["RUNNING"] * 3
    pids = [worker.pid for worker in up.workers]

    down = system.ask(control.ScaleCall(count=1), control.RestartedReply)
    assert [proof.survivors for proof in down.stopped] == [[], []]
    assert all(proof.signalled for proof in down.stopped)
    stopped = {proof.worker_id for proof in down.stopped}
    gone = [w.pid for w in up.workers if w.worker_id in stopped]
    assert not any(traces.alive(pid) for pid in gone if pid)
    assert sum(traces.alive(pid) for pid in pids if pid) == 1

    system.kill_daemon()
    system.start()
    running = [w for w in system.status().workers if w.wanted == "run"]
    assert len(running) == 1


def test_start_worker_starts_as_many_as_asked_with_the_lowest_free_names(
    system: System,
) -> None:
    reply = system.ctl_json("start-worker", "-n", "3")
    assert reply["schema"] == 1
    names = sorted(worker["worker_id"] for worker in reply["workers"])
    assert names == ["worker-2", "worker-3", "worker-4"]
    assert {worker["state"] for worker in reply["workers"]} == {"RUNNING"}
    assert len(system.status().workers) == 4


def test_stop_all_now_ends_every_worker_and_run_and_proves_it(
    new_system: NewSystem, started: Gate, gate: Gate
) -> None:
    system = new_system(workers=3).start()
    lines = f"trap '' TERM\necho $$ {started.tell}\n{gate.pause}\n"
    ticket = system.add("Be stopped", instructions=lines)
    agent = int(started.line())
    pids = [system.worker_running(f"worker-{n}") for n in (1, 2, 3)]

    reply = system.ctl_json("stop-worker", "--all", "--now")

    assert len(reply["stopped"]) == 3
    assert [proof["survivors"] for proof in reply["stopped"]] == [[], [], []]
    assert {proof["state"] for proof in reply["stopped"]} == {"STOPPED"}
    ended = [proof for proof in reply["stopped"] if proof["runs_ended"]]
    assert [proof["runs_ended"] for proof in ended] == [[system.run(ticket).id]]
    assert ended[0]["proof"] in {"cgroup", "subreaper"}
    assert not any(traces.alive(pid) for pid in [agent, *pids])

    # The work was interrupted, not refused: it costs no attempt and goes on.
    assert system.ticket(ticket).state == "ready"
    assert system.ticket(ticket).retry_count == 0
    assert system.run(ticket).failure == "shutdown"
    system.ctl("start-worker", "worker-1")
    started.line()
    gate.open()
    assert system.wait(ticket)[0].state == "in_review"


def test_a_worker_that_stops_lets_its_run_finish_first(
    system: System, started: Gate, gate: Gate
) -> None:
    ticket = system.add(
        "Finish first", instructions=f"echo go {started.tell}\n{gate.pause}\n"
    )
    started.line()
    wish = control.StopWorkerCall(worker_ids=["worker-1"], wait=False)
    system.ask(wish, control.StoppedReply)
    eventually(lambda: system.worker().activity == "draining", "draining")
    gate.open()
    eventually(lambda: system.worker().state == "STOPPED", "STOPPED")
    assert system.ticket(ticket).state == "in_review"


def test_a_restarted_worker_is_another_process_of_the_same_name(
    system: System,
) -> None:
    first = system.worker_running()
    system.ctl("restart-worker", "worker-1")
    assert system.worker_running() != first
    assert not traces.alive(first)


def test_an_old_worker_is_replaced_between_runs_and_never_in_the_middle_of_one(
    new_system: NewSystem, started: Gate, gate: Gate
) -> None:
    """It takes nothing new, and its run notices nothing."""
    settings = {"workers.max_age_s": 1.5, "lease.heartbeat_s": 0.2}
    system = new_system(settings=settings)
    system.start()
    system.add("Outlast it", instructions=f"echo $$ {started.tell}\n{gate.pause}\n")
    agent = int(started.line())
    first = system.worker().pid
    eventually(lambda: system.worker().activity == "draining", "draining")
    assert traces.alive(agent)
    assert system.worker().pid == first
    gate.open()
    eventually(lambda: system.worker().restart_count, "a fresh worker")
    exit_ = system.worker().last_exit
    assert exit_ is not None
    assert (exit_.code, "recycled, " in exit_.reason) == (0, True)
    [run] = system.runs()
    assert (run.status, run.epoch) == ("finished", 1)

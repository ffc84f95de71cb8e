"""One message of each kind, every field told apart from its default.

``tests/data/link`` and ``tests/data/spawner`` hold what version 1 made of them. A field
that is appended later keeps its default here, so that the old bytes stay the measure.
"""

from typing import Final

from kanban_ipc import link, spawning
from kanban_ipc.link import DaemonMessage, WorkerMessage
from kanban_ipc.words import Epoch, RunId, TicketId, WorkerId

RUN: Final = RunId("01976f3a-2d00-7abc-8def-000000000001")
EPOCH: Final = Epoch(7)
WORKER: Final = WorkerId("worker-1")
PROCESS: Final = link.ProcessId("6b1ee8c0-0f5e-4d1a-9d5e-2f6a3c1b0d9e", 4321, 987_654)

RESULT: Final = link.Result(
    outcome="error",
    failure="agent_error",
    message="the agent ended with exit code 3",
    exit_code=3,
    signal=None,
    summary_md="# Nothing\n",
    branch="kanban/17-sort",
    worktree="/s/worktrees/17-sort",
    head_before="a" * 40,
    head_after="b" * 40,
    files_changed=(link.FileChange("M", "src/é.py"),),
    files_changed_count=1,
    insertions=10,
    deletions=2,
    output_bytes=4096,
    log_cut=True,
    leftovers_killed=2,
    proof="subreaper",
    cpu_ms=1_500,
    rss_max_bytes=50_000_000,
    agent_started_ms=1_750_000_000_100,
    agent_ended_ms=1_750_000_009_100,
    duration_ms=9_000,
)

FROM_WORKER: Final[tuple[WorkerMessage, ...]] = (
    link.Hello(
        version=1,
        worker_id=WORKER,
        incarnation="i1",
        secret="s3cret",
        process=PROCESS,
        slots=2,
        draining=True,
        held=(link.Held(RUN, EPOCH),),
        program_version="0.1.0",
    ),
    link.Heartbeat(
        free=1,
        runs=(
            link.Observation(
                run_id=RUN,
                epoch=EPOCH,
                stage="running",
                alive=True,
                output_bytes=10,
                last_output_ms=20,
                cpu_ms=30,
                rss_bytes=40,
                progress=50,
            ),
        ),
        rss_bytes=2_000_000,
        cpu_ms=60,
    ),
    link.Started(
        run_id=RUN,
        epoch=EPOCH,
        seq=1,
        started_ms=1_750_000_000_100,
        branch="kanban/17-sort",
        worktree="/s/worktrees/17-sort",
        head_before="a" * 40,
        agent_pid=5_001,
    ),
    link.Progress(RUN, EPOCH, 40, "formatting", 5),
    link.Log(RUN, EPOCH, 2, 1_750_000_000_200, "warn", "no change"),
    link.Asked(
        RUN, EPOCH, 4, 1_750_000_000_300, "Which colour?", "permission", ("red", "é")
    ),
    link.Finished(RUN, EPOCH, 3, 1_750_000_009_200, RESULT),
    link.Goodbye("drained"),
)
FROM_DAEMON: Final[tuple[DaemonMessage, ...]] = (
    link.Welcome(1, 5.0, "d1", 30.0),
    link.HelloWanted(),
    link.Refused("version", "version 9 is not spoken here"),
    link.Beat(),
    link.Assign(
        run_id=RUN,
        epoch=EPOCH,
        attempt=2,
        work=link.Work(
            ticket_id=TicketId(17),
            title="Sort the imports",
            description_md="All of them.",
            instructions="ruff check --fix",
            priority="high",
            labels=("style",),
            task_type="coding",
            repo_path="/home/ada/project",
            base_branch="main",
            branch="kanban/17-sort",
            worktree="/s/worktrees/17-sort",
            model="m",
            previous_failure="timeout",
            fresh=True,
            estimated_duration_s=60.0,
        ),
        agent=link.Agent(
            name="fixer",
            kind="shell",
            argv=("python3", "fix.py", "{{title}}"),
            callable="",
            env={"A": "b"},
            env_pass=("PATH",),
            model="m",
            worktree=False,
            expects_change=True,
            prompt_template="{{title}}",
        ),
        limits=link.Limits(60.0, 30.0, 1_048_576, 5.0),
        run_dir=f"/s/runs/{RUN}",
        adopt=True,
        cancel=True,
    ),
    link.Ack(RUN, EPOCH, 3),
    link.Cancel(RUN, EPOCH, 10.0, "shutdown"),
    link.Drop(RUN, EPOCH),
    link.Drain(60.0),
)

TO_SPAWNER: Final[tuple[spawning.ToSpawner, ...]] = (
    spawning.Spawn(
        worker_id=WORKER,
        incarnation="i1",
        state_dir="/s",
        link_endpoint="ipc:///r/link.sock",
        slots=2,
        log_path="/s/logs/worker-1.log",
    ),
    spawning.Collected(WORKER, "i1"),
    spawning.Leave(),
)
FROM_SPAWNER: Final[tuple[spawning.FromSpawner, ...]] = (
    spawning.Ready(PROCESS, "0.1.0", ((WORKER, "i1", 4_321),)),
    spawning.Spawned(WORKER, "i1", PROCESS),
    spawning.SpawnFailed(WORKER, "i1", "no memory"),
    spawning.Exited(WORKER, "i1", PROCESS, None, 9),
)

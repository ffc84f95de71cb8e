"""One run after another, by a real worker with real shims in real repositories."""

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanban_ipc.link import Agent, Finished, Heartbeat, Hello, Limits, Started
from support.assignments import SHELL, assign
from support.repositories import git, make_repository
from support.worker_bench import WorkerBench, worker_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WorkerBench]:
    with worker_bench(tmp_path) as opened:
        opened.start(SECRET_OF_THE_DAEMON="leak", PASSED="on")
        opened.daemon.expect(Hello)
        yield opened


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo")


def test_a_good_run_ends_with_its_work_committed_on_a_branch_of_its_own(
    bench: WorkerBench, repo: Path
) -> None:
    run = assign(bench.state_dir, "echo new > file; echo more >> README", repo=repo)
    bench.daemon.send(run)
    started = bench.daemon.expect(Started)
    result = bench.daemon.expect(Finished).result
    assert (result.outcome, result.exit_code) == ("finished", 0)
    assert result.branch == started.branch == f"kanban/{run.work.ticket_id}-do-it"
    assert result.head_before == started.head_before == git(repo, "rev-parse", "main")
    assert result.head_after == git(repo, "rev-parse", result.branch)
    assert [each.path for each in result.files_changed] == ["README", "file"]
    assert (result.insertions, result.deletions) == (2, 0)
    assert result.proof == "subreaper"
    assert git(repo, "show", f"{result.branch}:file") == "new"
    assert git(repo, "status", "--porcelain") == ""
    patch = (Path(run.run_dir) / "diff.patch").read_bytes()
    subprocess.run(["git", "apply", "--check"], cwd=repo, input=patch, check=True)


def test_a_failed_run_leaves_its_worktree_as_it_is_and_the_retry_goes_on_in_it(
    bench: WorkerBench, repo: Path
) -> None:
    first = assign(bench.state_dir, "echo half > half; exit 3", repo=repo)
    result = bench.daemon.run(first).result
    assert (result.outcome, result.failure) == ("error", "agent_error")
    assert result.exit_code == 3
    assert git(Path(result.worktree), "status", "--porcelain") == "?? half"
    again = assign(
        bench.state_dir,
        "cat half",
        repo=repo,
        ticket=first.work.ticket_id,
        branch=result.branch,
        worktree=result.worktree,
    )
    second = bench.daemon.run(again).result
    assert (second.outcome, second.branch) == ("finished", result.branch)
    assert [each.path for each in second.files_changed] == ["half"]


def test_exit_75_is_deferred_and_no_change_where_one_is_expected_an_error(
    bench: WorkerBench, repo: Path
) -> None:
    later = bench.daemon.run(assign(bench.state_dir, "exit 75", repo=repo)).result
    assert later.failure == "deferred"
    eager = Agent("eager", "shell", expects_change=True)
    idle = assign(bench.state_dir, "true", repo=repo, agent=eager)
    assert bench.daemon.run(idle).result.failure == "agent_error"
    busy = assign(bench.state_dir, "echo x > x", repo=repo, agent=eager)
    assert bench.daemon.run(busy).result.outcome == "finished"


def test_an_agent_sees_its_ticket_and_nothing_else_of_the_workers_environment(
    bench: WorkerBench,
) -> None:
    printer = Agent(
        "printer",
        "shell",
        argv=("env",),
        env={"OWN": "{{title}}"},
        env_pass=("PASSED",),
    )
    run = assign(bench.state_dir, agent=printer, title="A title")
    assert bench.daemon.run(run).result.outcome == "finished"
    lines = (Path(run.run_dir) / "stdout.log").read_text().splitlines()
    env = dict(line.partition("=")[::2] for line in lines)
    assert "SECRET_OF_THE_DAEMON" not in env
    assert (env["PASSED"], env["OWN"], env["TERM"]) == ("on", "A title", "dumb")
    assert env["KANBAN_RUN_ID"] == env["AGENT_KANBAN_RUN_ID"] == run.run_id
    assert env["HOME"] == str(bench.home)
    ticket = json.loads(Path(env["KANBAN_TICKET_JSON"]).read_text())
    assert ticket["title"] == "A title"


def test_a_template_argument_is_never_split(bench: WorkerBench) -> None:
    argv = (
        "python3",
        "-c",
        "import sys; print(sys.argv[1:])",
        "{{title}}",
        "x={{labels}}",
    )
    agent = Agent("printer", "shell", argv=argv)
    run = assign(bench.state_dir, agent=agent, title="a b; $(c) {{d}}", labels=("l",))
    assert bench.daemon.run(run).result.outcome == "finished"
    said = (Path(run.run_dir) / "stdout.log").read_text().strip()
    assert said == str(["a b; $(c) {{d}}", "x=l"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "missing", "does not exist"),
        (lambda folder: folder, "not a git repository"),
    ],
)
def test_a_repository_that_cannot_be_used_is_a_setup_failure_in_plain_words(
    bench: WorkerBench, tmp_path: Path, make: object, words: str
) -> None:
    assert callable(make)
    run = assign(bench.state_dir, "true", repo=make(tmp_path))
    result = bench.daemon.run(run).result
    assert (result.outcome, result.failure) == ("error", "setup")
    assert words in result.message
    assert result.agent_started_ms == 0
    assert not bench.daemon.passed(Started)


def test_an_unknown_base_an_empty_repository_a_missing_program_are_setup_failures(
    bench: WorkerBench, repo: Path, tmp_path: Path
) -> None:
    based = assign(bench.state_dir, "true", repo=repo, base_branch="nowhere")
    assert "no branch 'nowhere'" in bench.daemon.run(based).result.message
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "--quiet")
    empty = assign(bench.state_dir, "true", repo=tmp_path / "empty")
    assert "no commit yet" in bench.daemon.run(empty).result.message
    missing = Agent("missing", "shell", argv=("no-such-program",))
    result = bench.daemon.run(assign(bench.state_dir, agent=missing)).result
    assert result.failure == "setup"
    assert "no-such-program" in result.message
    nothing = bench.daemon.run(assign(bench.state_dir, "")).result
    assert "no instructions" in nothing.message


def test_a_program_that_is_just_being_written_puts_the_run_off(
    bench: WorkerBench, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    shutil.copy("/bin/true", program)
    written = Agent("written", "shell", argv=(str(program),))
    with program.open("r+b"):
        result = bench.daemon.run(assign(bench.state_dir, agent=written)).result
    assert (result.outcome, result.failure) == ("error", "deferred")
    assert "Text file busy; nothing is wrong with the ticket" in result.message
    again = bench.daemon.run(assign(bench.state_dir, agent=written)).result
    assert again.outcome == "finished"


def test_a_shim_that_cannot_be_forked_now_puts_the_run_off(
    bench: WorkerBench,
) -> None:
    """The worker may have no more files open than it has already."""
    run = assign(bench.state_dir, "true")
    worker = bench.workers[-1].pid
    own = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{worker}/fd"))  # noqa: PTH208
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 3, own[1]))
    result = bench.daemon.run(run).result
    resource.prlimit(worker, resource.RLIMIT_NOFILE, own)
    assert result.failure == "deferred", result.message
    again = bench.daemon.run(assign(bench.state_dir, "true")).result
    assert again.outcome == "finished"


def test_a_repository_that_is_busy_puts_the_run_off_before_and_after_its_agent(
    bench: WorkerBench, repo: Path
) -> None:
    (repo / ".git" / "config.lock").touch()
    before = bench.daemon.run(assign(bench.state_dir, "true", repo=repo)).result
    assert (before.failure, before.agent_started_ms) == ("deferred", 0)
    (repo / ".git" / "config.lock").unlink()
    hold = f"touch {repo}/.git/refs/heads/$KANBAN_BRANCH.lock"
    run = assign(bench.state_dir, f"echo done > done; {hold}", repo=repo)
    after = bench.daemon.run(run).result
    assert (after.failure, after.exit_code) == ("deferred", 0)
    assert (Path(after.worktree) / "done").exists()


def test_work_that_is_kept_beside_the_branch_is_named_in_the_runs_message(
    bench: WorkerBench, repo: Path
) -> None:
    astray = (
        "echo done > done; git add done; git commit -qm done\n"
        "git checkout -q --detach HEAD~; echo left > left; exit 3"
    )
    first = assign(
        bench.state_dir,
        "git config user.name A; git config user.email a@b.example\n" + astray,
        repo=repo,
    )
    failed = bench.daemon.run(first).result
    again = assign(
        bench.state_dir,
        "git init -q own",
        repo=repo,
        ticket=first.work.ticket_id,
        branch=failed.branch,
        worktree=failed.worktree,
    )
    result = bench.daemon.run(again).result
    assert (result.outcome, result.branch) == ("finished", failed.branch)
    assert f"is on {failed.branch}-left; own has no commit" in result.message
    assert git(repo, "show", f"{failed.branch}-left:left") == "left"
    assert git(repo, "show", f"{failed.branch}:done") == "done"


def test_limits_are_reported_as_what_they_are(bench: WorkerBench) -> None:
    slow = assign(bench.state_dir, "sleep 60", limits=Limits(run_s=0.3, grace_s=0.5))
    assert bench.daemon.run(slow).result.failure == "timeout"
    silent = Limits(silence_s=0.3, grace_s=0.5)
    still = assign(bench.state_dir, "sleep 60", limits=silent)
    assert bench.daemon.run(still).result.failure == "stalled"


def test_runs_of_one_repository_get_their_worktrees_side_by_side(
    bench: WorkerBench, repo: Path
) -> None:
    runs = [assign(bench.state_dir, "echo $$ > own", repo=repo) for _ in range(8)]
    bench.daemon.send(*runs)
    ends = [bench.daemon.expect(Finished) for _ in runs]
    assert {end.result.outcome for end in ends} == {"finished"}
    assert len({end.result.branch for end in ends}) == 8
    assert len({end.result.worktree for end in ends}) == 8


def test_a_profile_without_worktrees_works_in_the_repository_and_commits_nothing(
    bench: WorkerBench, repo: Path
) -> None:
    in_place = Agent("in-place", "shell", worktree=False, expects_change=True)
    result = bench.daemon.run(
        assign(bench.state_dir, "echo x > x", repo=repo, agent=in_place)
    ).result
    assert (result.outcome, result.branch, result.worktree) == ("finished", "", "")
    assert git(repo, "status", "--porcelain") == "?? x"


def test_heartbeats_say_what_is_seen_of_the_work(bench: WorkerBench) -> None:
    run = assign(bench.state_dir, "echo hello; exec sleep 60", agent=SHELL)
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    beat = bench.daemon.expect(
        Heartbeat, lambda each: bool(each.runs) and each.runs[0].rss_bytes > 0
    )
    seen = beat.runs[0]
    assert (seen.stage, seen.alive, seen.output_bytes) == ("running", True, 6)
    assert beat.free == 3
    assert beat.rss_bytes > 0

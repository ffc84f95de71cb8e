"""The configuration is strict, says where and why, and means what it says."""

import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from kanban_ipc.link import Limits, Resources
from kanband import config
from kanband.config import Flags, load
from kanband.errors import EXIT_USAGE, ConfigError


def loaded(tmp_path: Path, text: str = "", **environ: str) -> config.Config:
    file = tmp_path / "kanban.toml"
    file.write_text(text)
    flags = Flags(config=str(file), state_dir=str(tmp_path / "state"))
    return load(flags, environ)


def refusal(tmp_path: Path, text: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **environ)
    assert caught.value.exit_code == EXIT_USAGE
    return str(caught.value).replace(str(tmp_path / "kanban.toml"), "FILE")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nworker_cout = 1", "FILE, line 2: worker_cout is not known, did you mean "),
        ("[lease]\nbeat = 1", "FILE, line 2: lease.beat is not known; allowed: http_"),
        ("[nest]\na = 1", "FILE, line 1: nest is not known"),
        ('slots = "2"', 'line 1: slots is "2"; allowed: a whole number from 1 to 256'),
        ("slots = true", "line 1: slots is true; allowed: a whole number"),
        ("slots = 0", "line 1: slots is 0; allowed: a whole number from 1 to 256"),
        ("slots = 1.5", "line 1: slots is 1.5; allowed: a whole number"),
        ("lease = 3", "line 1: lease is 3; allowed: a table"),
        ('mode = "x"', 'mode is "x"; allowed: "inline", "managed", "standalone"'),
        ("[retries]\njitter = nan", "line 2: retries.jitter is nan; allowed: a number"),
        ("[retries]\nmax_s = inf", "line 2: retries.max_s is inf; allowed: a number"),
        ("[workers]\ngrace_s = -1", "workers.grace_s is -1; allowed: a number from 0"),
        ('db_path = ""', 'db_path is ""; allowed: a string that is not empty'),
        (
            'default_agent = "x"',
            'default_agent is "x", which is not a profile; allowed',
        ),
        ("[lease]\nwarn_beats = 9", "stale_beats is 6; allowed: between warn_beats"),
        ("[gc]\nevery_s = 5", "line 2: gc.every_s is 5; allowed: 0 (never by itself)"),
        ("[workers]\nbackoff_initial_s = 40", "allowed: at most backoff_max_s (30)"),
        ('[agents.a]\nkind = "perl"', 'agents.a.kind is "perl"; allowed: "python", '),
        ('[agents.a]\nkind = "python"', 'agents.a has kind = "python" and no callable'),
        ('[agents.a]\ncallable = "a:b"', 'line 2: agents.a.callable is for kind = "p'),
        ('[agents.a]\ncallable = "a.b"', 'callable is "a.b"; allowed: a string that'),
        (
            '[agents.a]\nkind = "python"\ncallable = "a:b"\nargv = ["x"]',
            "line 4: agents.a.argv is for programs",
        ),
        ("[agents.a]\nargv = 3", "agents.a.argv is 3; allowed: a list, each a string"),
        (
            '[agents.a]\nargv = ["x", 3]',
            "line 2: agents.a.argv is 3; allowed: a string",
        ),
        ('[agents.a]\nargv = [""]', "begins with an empty string"),
        ('[agents.a]\nargv = ["a\\u0000"]', "agents.a.argv is"),
        ("[agents.any]", 'line 1: agents.any may not be called "any"'),
        ('[agents."A b"]', 'line 1: agents.A b is "A b"; allowed: a string that match'),
        ('[agents.a]\nargv = ["x", "{{titel}}"]', "{{titel}}, which is not known, did"),
        ('[agents.a]\nenv = {"A-B" = "x"}', 'env.A-B is "A-B"; allowed: a string that'),
        ('[agents.a]\nenv = {A = "{{x}}"}', "agents.a.env.A uses {{x}}, which is not"),
        (
            '[agents.a]\nprompt_template = "{{prompt}}"',
            "prompt_template uses {{prompt}}",
        ),
        (
            f"[agents.a]\nprompt_template = '{'x' * 200_000}'",
            "line 1: agents.a has texts of 200000 bytes; allowed: 131072 in all",
        ),
        (
            "[agents.a]\nexit_codes = {0 = 'auth'}",
            'agents.a.exit_codes.0 is "0"; allowed: a string that matches ([1-9]',
        ),
        ("[agents.a]\nexit_codes = {256 = 'auth'}", 'exit_codes.256 is "256"; allowed'),
        (
            "[agents.a]\nexit_codes = {7 = 'worker_lost'}",
            'line 2: agents.a.exit_codes.7 is "worker_lost"; allowed: "agent_error", ',
        ),
        ("[agents.a]\nprovider = 'A b'", 'agents.a.provider is "A b"; allowed: a str'),
        (
            "[agents.a.resources]\nnice = 20",
            "line 2: agents.a.resources.nice is 20; allowed: a whole number from -20",
        ),
        (
            "[agents.a]\n\nresources = { open_file = 1 }",
            "line 3: agents.a.resources.open_file is not known, did you mean open_f",
        ),
        (
            "[agents.a.resources]\nio_level = 3",
            'line 2: agents.a.resources.io_level is of io_class = "best-effort", which',
        ),
        (
            "[agents.a.resources]\nio_class = 'idle'\nio_level = 3",
            'io_level is of io_class = "best-effort"; idle has none',
        ),
        (
            "[agents.a]\nkind = 'python'\ncallable = 'a:b'\nresources.nice = 1",
            "agents.a.resources is for programs",
        ),
        ("slots = [", "FILE is not TOML: "),
        ("slots = 1\nslots = 2", "Cannot overwrite a value"),
    ],
)
def test_a_fault_in_the_file_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    assert said in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WORKER_COUNT", "two", 'WORKER_COUNT in the environment is "two"; allowed: a'),
        ("QUEUE_CONCURRENCY", "0", "QUEUE_CONCURRENCY in the environment is 0; allow"),
        ("QUEUE_CONCURRENCY", "", 'QUEUE_CONCURRENCY in the environment is ""; allow'),
        ("WORKER_MODE", "solo", 'WORKER_MODE in the environment is "solo"; allowed'),
        ("KANBAN_LEASE_HEARTBEATS", "1", "did you mean KANBAN_LEASE_HEARTBEAT_S"),
        ("KANBAN_RETRIES_JITTER", "7", "KANBAN_RETRIES_JITTER in the environment is 7"),
        ("KANBAN_SLOTS", "7", "KANBAN_SLOTS in the environment is called QUEUE_CONC"),
        ("KANBAN_AGENTS_A_KIND", "shell", "profiles are set in the file"),
    ],
)
def test_a_fault_in_the_environment_is_refused_by_its_name(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    assert said in refusal(tmp_path, **{name: value})


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = refusal(tmp_path, "slots = 0\nmode = 1\n[queue]\nx = 1")
    assert [line.split(":")[0] for line in text.splitlines()] == [
        "FILE, line 1",
        "FILE, line 2",
        "FILE, line 4",
    ]


def test_a_value_in_the_file_is_checked_though_the_environment_overrides_it(
    tmp_path: Path,
) -> None:
    assert "slots is 0" in refusal(tmp_path, "slots = 0", QUEUE_CONCURRENCY="2")


def test_the_line_is_found_past_strings_comments_and_lists(tmp_path: Path) -> None:
    text = '''
# slots = 1
[agents.a]
prompt_template = """
slots = 3 # [x]
\\""" ]
"""
argv = [
  "a]", # ]
  'b = "',
]
"quoted" = 1
'''
    assert "FILE, line 12: agents.a.quoted is not known" in refusal(tmp_path, text)


def test_foreign_names_in_the_environment_are_left_alone(tmp_path: Path) -> None:
    names = ("KANBAN_SOCKET", "KANBAN_TICKET_ID", "KANBAN_AGENT", "KANBAN_RUN_ID")
    assert loaded(tmp_path, **dict.fromkeys(names, "x")).slots == 2


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "kanban.toml"
    file.write_text(
        "worker_count = 2\nslots = 3\n[workers]\ngrace_s = 1\nhealthy_s = 2"
    )
    flags = Flags(config=str(file), state_dir=str(tmp_path), workers=7)
    environ = {
        "WORKER_COUNT": "5",
        "QUEUE_CONCURRENCY": "6",
        "KANBAN_WORKERS_HEALTHY_S": "4",
    }
    made = load(flags, environ)
    assert (made.worker_count, made.slots) == (7, 6)
    assert (made.workers.grace_s, made.workers.healthy_s) == (1, 4)


def test_a_flag_out_of_range_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--workers is -1; allowed: a whole number"):
        load(Flags(state_dir=str(tmp_path), workers=-1), {"HOME": str(tmp_path)})


def test_a_named_file_must_exist_and_be_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(Flags(config=str(tmp_path / "no")), {"HOME": str(tmp_path)})
    (tmp_path / "bytes").write_bytes(b"a = 1\n\xff")
    with pytest.raises(ConfigError, match="line 2: is not UTF-8"):
        load(Flags(config=str(tmp_path / "bytes")), {"HOME": str(tmp_path)})


def test_what_is_printed_reads_back_as_the_same(tmp_path: Path) -> None:
    made = loaded(
        tmp_path,
        """
        mode = "managed"
        default_agent = "a.b"
        [queue]
        max_runs_per_repo = 3
        [agents."a.b"]
        argv = ["x", 'a "quoted" \\ word', "tab\\t\\u007f\\u00e9"]
        env = { A = "1" }
        expects_change = true
        run_s = 5
        [agents."a.b".resources]
        memory_mib = 100
        io_class = "idle"
        [agents.shell]
        """,
    )
    again = loaded(tmp_path, config.print_config(made))
    assert config.difference(again, made) == []
    assert replace(again, defined_at=made.defined_at) == made


def test_built_in_profiles_are_there_without_any_configuration(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    assert set(made.agents) == {"shell", "noop"}
    assert config.on_success(made, "shell") == "review"
    assert config.on_success(made, "noop") == "complete"
    assert (
        config.agent_for_run(made, "noop").callable == "kanban_worker.agents.noop:noop"
    )


def test_a_built_in_profile_may_be_replaced_and_then_is_the_users(
    tmp_path: Path,
) -> None:
    made = loaded(tmp_path, '[agents.noop]\nargv = ["true"]')
    assert config.agent_for_run(made, "noop").kind == "shell"
    assert config.default_agent(made) == "noop"


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("", ""),
        ("[agents.a]", "a"),
        ("[agents.a]\n[agents.b]", ""),
        ('default_agent = "b"\n[agents.a]\n[agents.b]', "b"),
        ('default_agent = "shell"', "shell"),
    ],
)
def test_any_means_the_default_else_the_only_configured_profile(
    tmp_path: Path, text: str, means: str
) -> None:
    made = loaded(tmp_path, text)
    assert config.default_agent(made) == means
    assert config.claim_policy(made).default_agent == means
    assert config.resolve_agent(made, "any") == (means or None)


def test_limits_are_the_tickets_else_the_profiles_else_the_defaults(
    tmp_path: Path,
) -> None:
    made = loaded(
        tmp_path,
        "[limits]\nsilence_s = 5\n[workers]\ngrace_s = 2\n"
        "[agents.a]\nrun_s = 7\nlog_mib = 1",
    )
    assert config.limits_for(made, "a") == Limits(
        run_s=7, silence_s=5, log_bytes=1 << 20, grace_s=2
    )
    assert config.limits_for(made, "a", 3).run_s == 3
    assert config.limits_for(made, "shell").run_s == 3600


def test_resources_are_told_in_the_kernel_s_units(tmp_path: Path) -> None:
    made = loaded(
        tmp_path,
        "[agents.a.resources]\nmemory_mib = 16\n"
        "open_files = 99\nnice = -1\nio_class = 'best-effort'\n"
        "[agents.b.resources]\nio_class = 'best-effort'\nio_level = 7",
    )
    assert config.limits_for(made, "a").resources == Resources(
        memory_bytes=16 << 20, open_files=99, nice=-1, io_priority=(2 << 13) + 4
    )
    of_b = Resources(io_priority=(2 << 13) + 7)
    assert config.limits_for(made, "b").resources == of_b
    assert config.limits_for(made, "shell").resources == Resources()


def test_only_a_program_in_the_repository_itself_is_in_place(tmp_path: Path) -> None:
    made = loaded(tmp_path, "[agents.a]\nworktree = false\n[agents.b]")
    gates = config.claim_policy(made).agents
    assert [gates[name].in_place for name in ("a", "b", "shell", "noop")] == [
        True,
        False,
        False,
        False,
    ]


# ------------------------------------------------------------------------ places


def places(flags: Flags, **environ: str) -> tuple[str, str]:
    made = load(flags, environ)
    return str(made.state_dir), str(made.runtime_dir)


def test_places_come_from_flags_then_systemd_then_xdg_then_home() -> None:
    assert places(Flags(state_dir="/s", runtime_dir="/r"), STATE_DIRECTORY="/x") == (
        "/s",
        "/r",
    )
    assert places(
        Flags(),
        HOME="/h",
        STATE_DIRECTORY="/v/a:/v/b",
        RUNTIME_DIRECTORY="/run/k",
        XDG_STATE_HOME="/x",
        XDG_RUNTIME_DIR="/y",
    ) == ("/v/a", "/run/k")
    assert places(Flags(), HOME="/h", XDG_STATE_HOME="/x", XDG_RUNTIME_DIR="/y") == (
        "/x/kanban",
        "/y/kanban",
    )
    assert places(Flags(), HOME="/h", XDG_STATE_HOME="relative") == (
        "/h/.local/state/kanban",
        "/h/.local/state/kanban/run",
    )


def test_the_users_file_is_found_before_the_systems(tmp_path: Path) -> None:
    folder = tmp_path / "kanban"
    folder.mkdir()
    (folder / "kanban.toml").write_text("slots = 9")
    environ = {"HOME": "/h", "XDG_CONFIG_HOME": str(tmp_path)}
    assert load(Flags(), environ).config_file == folder / "kanban.toml"


def test_a_socket_path_that_the_kernel_cannot_take_is_refused_with_advice() -> None:
    with pytest.raises(
        ConfigError, match=r"allows 107\. Give a shorter one with --run"
    ):
        load(Flags(state_dir="/s", runtime_dir="/" + "r" * 100), {})


def test_directories_are_made_private(tmp_path: Path) -> None:
    made = load(Flags(state_dir=str(tmp_path / "a" / "b")), {"HOME": str(tmp_path)})
    assert not (tmp_path / "a").exists()
    before = os.umask(0)
    try:
        config.prepare_places(made)
    finally:
        os.umask(before)
    for name in ("a", "a/b", "a/b/run", "a/b/runs", "a/b/worktrees", "a/b/logs"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700, name


def refused_place(tmp_path: Path) -> str:
    made = load(Flags(state_dir=str(tmp_path / "state")), {"HOME": str(tmp_path)})
    with pytest.raises(ConfigError) as caught:
        config.prepare_places(made)
    return str(caught.value)


def test_a_directory_others_could_write_in_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (tmp_path / "real").mkdir()
    state.symlink_to(tmp_path / "real")
    assert "is a symbolic link" in refused_place(tmp_path)
    state.unlink()
    state.write_text("")
    assert "is not a directory" in refused_place(tmp_path)
    state.unlink()
    state.mkdir()
    state.chmod(0o777)
    assert f"can be written by everybody; chmod 700 {state}" in refused_place(tmp_path)
    state.chmod(0o770)
    assert f"can be written by its group; chmod 700 {state}" in refused_place(tmp_path)


@pytest.mark.root
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 65534, 65534)
    assert "and kanband runs as root" in refused_place(tmp_path)


def test_braces_of_another_language_are_left_alone(tmp_path: Path) -> None:
    argv = '["docker", "ps", "--format", "{{.Names}}"]'
    made = loaded(tmp_path, f"[agents.a]\nargv = {argv}")
    assert made.agents["a"].argv[-1] == "{{.Names}}"

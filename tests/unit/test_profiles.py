"""What the dispatch asks of the configuration."""

from pathlib import Path

from kanban_ipc.words import RunId
from kanband.config import Config
from kanband.config.profiles import BUILT_IN
from kanband.config.sections import AgentConfig, LeaseConfig, WorkersConfig
from kanband.shell.profiles import Profiles

MINE = AgentConfig(
    argv=("agent", "{{prompt}}"), run_s=60.0, grace_s=3.0, on_success="complete"
)
CONFIG = Config(
    agents={**BUILT_IN, "mine": MINE},
    default_agent="mine",
    lease=LeaseConfig(heartbeat_s=2.0),
    workers=WorkersConfig(grace_s=7.0),
    state_dir=Path("/state"),
)


def test_a_profile_is_told_as_it_is_configured() -> None:
    profiles = Profiles(CONFIG)
    assert profiles.agent("mine").argv == MINE.argv
    assert profiles.agent("noop").kind == "python"
    assert profiles.on_success("mine") == "complete"
    assert profiles.on_success("shell") == "review"
    assert profiles.claim_policy.default_agent == "mine"


def test_limits_are_the_ticket_s_else_the_profile_s_else_everybody_s() -> None:
    profiles = Profiles(CONFIG)
    assert profiles.limits("mine", 5.0).run_s == 5.0
    assert profiles.limits("mine", None).run_s == 60.0
    assert profiles.limits("shell", None).run_s == CONFIG.limits.run_s
    assert profiles.limits("mine", None).grace_s == 3.0
    assert profiles.limits("shell", None).grace_s == 7.0


def test_a_profile_that_left_the_configuration_cannot_be_started() -> None:
    profiles = Profiles(CONFIG)
    gone = profiles.agent("gone")
    assert gone.kind == "shell"
    assert "'gone' is no longer configured" in gone.argv[0]
    assert profiles.limits("gone", None) == profiles.limits("shell", None)
    assert profiles.on_success("gone") == "review"
    assert profiles.on_success("") == "review"


def test_silence_is_counted_in_configured_beats() -> None:
    beats = Profiles(CONFIG).beats
    assert (beats.beat_s, beats.stale_s) == (2.0, 2.0 * CONFIG.lease.stale_beats)


def test_a_run_s_directory_is_under_the_state_directory() -> None:
    assert Profiles(CONFIG).run_dir(RunId("some-run")) == "/state/runs/some-run"

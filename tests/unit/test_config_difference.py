"""What another configuration changes, and from when on."""

from pathlib import Path

import pytest

from kanband.config import Config, Flags, difference, load, take_over


def config(root: Path, text: str) -> Config:
    (root / "kanban.toml").write_text(text)
    return load(Flags(config=str(root / "kanban.toml"), state_dir=str(root)), {})


def told(
    root: Path, before: str, after: str
) -> list[tuple[str, str | None, str | None, str]]:
    found = difference(config(root, before), config(root, after))
    return [(".".join(c.key), c.before, c.after, c.applies) for c in found]


def test_the_same_configuration_has_no_difference(tmp_path: Path) -> None:
    text = '[agents.a]\nenv = { A = "1" }\n'
    assert told(tmp_path, text, "# a remark\n" + text) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "slots = 3", ("slots", "2", "3", "next_start")),
        ("", "worker_count = 3", ("worker_count", "1", "3", "now")),
        (
            "",
            "[queue]\nstarvation_bound = 5",
            ("queue.starvation_bound", "20", "5", "now"),
        ),
        ("", "[limits]\nrun_s = 5", ("limits.run_s", "3600.0", "5.0", "next_run")),
        ("", "[lease]\nwarn_beats = 2", ("lease.warn_beats", "3", "2", "now")),
        (
            "",
            "[lease]\nheartbeat_s = 2",
            ("lease.heartbeat_s", "5.0", "2.0", "restart"),
        ),
        ("", 'db_path = "b.db"', ("db_path", '"kanban.db"', '"b.db"', "restart")),
        ("", "[agents.a]", ("agents.a", None, 'kind = "shell"', "next_run")),
        ("[agents.a]", "", ("agents.a", 'kind = "shell"', None, "next_run")),
        (
            "[agents.a]",
            "[agents.a]\nargv = ['x']",
            ("agents.a.argv", "[]", '["x"]', "next_run"),
        ),
        (
            "[agents.a]",
            "[agents.a]\nrun_s = 1",
            ("agents.a.run_s", None, "1.0", "next_run"),
        ),
    ],
)
def test_each_key_says_from_when_on_it_counts(
    tmp_path: Path, before: str, after: str, expected: tuple[str, ...]
) -> None:
    assert told(tmp_path, before, after) == [expected]


def test_values_of_variables_are_not_told(tmp_path: Path) -> None:
    [(key, before, after, _)] = told(
        tmp_path,
        '[agents.a]\nenv = { TOKEN = "secret" }',
        '[agents.a]\nenv = { TOKEN = "other", B = "more" }',
    )
    assert (key, before, after) == (
        "agents.a.env",
        "{ TOKEN = … }",
        "{ TOKEN = …, B = … }",
    )


def test_what_only_a_restart_can_change_stays(tmp_path: Path) -> None:
    before = config(tmp_path, "")
    text = 'db_path = "b.db"\nslots = 9\n[lease]\nheartbeat_s = 2\ndead_beats = 20\n'
    after = take_over(before, config(tmp_path, text))
    assert (after.db_path, after.lease.heartbeat_s) == ("kanban.db", 5.0)
    assert (after.slots, after.lease.dead_beats) == (9, 20)
    left = difference(after, config(tmp_path, text))
    assert {change.applies for change in left} == {"restart"}

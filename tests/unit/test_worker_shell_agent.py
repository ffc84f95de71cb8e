"""What a shell agent's output says of its end."""

from pathlib import Path

import pytest

from kanban_worker.agents.shell import Shell


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"", 0),
        (b"Retry-After: 30\n", 30),
        (b"x\nretry-after:5\r\nmore", 5),
        (b"Retry-After: 1\nRetry-After: 2\n", 2),
        (b"it said Retry-After: 30\n", 0),
        (b"Retry-After: soon\n", 0),
        (b"Retry-After: -1\n", 0),
        (b"Retry-After: 99999999999999999999\n", 0),
        (b"Retry-After: 7\n" + b"\xff" * 9_000, 0),
        (b"\xff" * 9_000 + b"\nRetry-After: 7", 7),
    ],
)
def test_the_last_retry_after_at_the_end_of_stderr_counts(
    tmp_path: Path, text: bytes, seconds: int
) -> None:
    stderr = tmp_path / "stderr"
    stderr.write_bytes(text)
    told = Shell().told(tmp_path / "stdout", stderr)
    assert (told.failure, told.retry_after_s) == (None, seconds)


def test_an_output_that_is_gone_says_nothing(tmp_path: Path) -> None:
    assert Shell().told(tmp_path / "a", tmp_path / "b").retry_after_s == 0

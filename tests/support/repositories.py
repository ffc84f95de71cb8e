"""Real git repositories for tests, independent of the machine's git configuration."""

import os
import subprocess
from pathlib import Path

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A User",
    "GIT_AUTHOR_EMAIL": "user@example.org",
    "GIT_COMMITTER_NAME": "A User",
    "GIT_COMMITTER_EMAIL": "user@example.org",
}


def git(directory: Path, *args: str) -> str:
    """What git printed, stripped."""
    done = subprocess.run(
        ["git", *args], cwd=directory, env=ENV, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


def make_repository(path: Path) -> Path:
    """A repository on branch ``main`` with one commit."""
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main")
    (path / "README").write_text("one\n")
    (path / "docs").mkdir()
    (path / "docs" / "page").write_text("page\n")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "first")
    return path

"""The package that the demo works on, and the repository made of it.

colorama 0.4.6: everybody has it, its tests are in its archive and take two seconds, it
still speaks Python 2, and its build backend is the one this project uses anyway.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

from support.repositories import git

NAME = "colorama"
VERSION = "0.4.6"
SHA256 = "08695f5cb7ed6e0531a20572697297273c47b8cae5a63ffc6d6ed5c201be6e44"
DOWNLOAD_S = 60


class NoSource(Exception):
    """The archive could not be fetched."""


def fetch(folder: Path) -> Path:
    """The source archive, by pip, exactly the one with our hash."""
    wanted = folder / "source.txt"
    wanted.write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n")
    quiet = ["--quiet", "--disable-pip-version-check"]
    # Its metadata need its build backend; ours is installed, so nothing else is.
    source = ["--no-binary", ":all:", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "download", *quiet, *source]
    try:
        done = subprocess.run(
            [*command, "--dest", str(folder), "--requirement", str(wanted)],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoSource(f"pip took more than {DOWNLOAD_S} s for {NAME}") from error
    if done.returncode:
        raise NoSource(f"pip could not fetch {NAME} {VERSION}:\n{done.stderr.strip()}")
    [archive] = folder.glob("*.tar.gz")
    return archive


def _as_it_is(member: tarfile.TarInfo, _folder: str) -> tarfile.TarInfo:
    return member


def unpack(archive: Path, folder: Path) -> Path:
    """A git repository with the archive's content as its first commit."""
    with tarfile.open(archive) as packed:
        # Python 3.11.0 to 3.11.3 have no filters; the archive is known by its hash.
        packed.extraction_filter = getattr(tarfile, "data_filter", _as_it_is)
        packed.extractall(folder)
    repository = folder / f"{NAME}-{VERSION}"
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", f"{NAME} {VERSION}")
    return repository

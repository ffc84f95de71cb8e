"""A throw-away machine: a real systemd as the first process of its own namespaces.

Decided here: how it is booted, asked and taken down. ``systemd_lab.sh`` prepares its
file system. It has a user of its own, whose manager lingers; what it writes is gone
with it, except below ``shared``. Absent: limits on memory, processes and processor
(the controllers stay with the host), network, devices.

Needs root, and a kernel and a container that allow namespaces, overlayfs and a cgroup
of version 2; ``why_not`` says what is missing.
"""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from support.deadline import eventually

SYSTEMD: Final = Path("/usr/lib/systemd/systemd")
PROGRAMS: Final = ("unshare", "nsenter", "setpriv", "loginctl", "dbus-daemon")
SCRIPT: Final = Path(__file__).with_name("systemd_lab.sh")
REPOSITORY: Final = Path(__file__).parents[2]
USER: Final = "dev"
UID: Final = 12345
BOOT_S: Final = 30.0
"""It takes about one; more on a machine that does other things as well."""
NAMESPACES: Final = ("--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup")


@functools.cache
def why_not() -> str | None:
    """What keeps this host from running such a machine; None when it can."""
    return next(_obstacles(), None)


def _obstacles() -> Iterator[str]:
    """Each is asked for only when there was none before it."""
    if os.geteuid() != 0:
        yield "only root may make namespaces, mounts and cgroups"
    if not SYSTEMD.exists():
        yield f"{SYSTEMD} does not exist (on Debian: apt install systemd)"
    for program in PROGRAMS:
        if shutil.which(program) is None:
            yield f"{program} is not installed"
    if (tree := _cgroup2()) is None:
        yield "no cgroup file system of version 2 is mounted"
    elif not os.access(tree, os.W_OK):
        yield f"{tree} is read-only"
    trial = ["unshare", *NAMESPACES, "--fork", "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(trial, capture_output=True, check=False).returncode != 0:
        yield "this container may not make namespaces and mounts"


class Lab:
    """A machine that runs. Process ids are those of its own namespace."""

    def __init__(self, init: int, shared: Path) -> None:
        self._init = init
        self.shared = shared
        """The same path inside and outside; belongs to the user."""

    def root(self, *argv: str, check: bool = True, timeout_s: float = 60) -> str:
        """Run a command as root, and give what it prints; unchecked, also to stderr.

        Raises ``AssertionError`` with both its streams when it fails.
        """
        return self._run(["env", "-i", "HOME=/root", _PATH, *argv], check, timeout_s)

    def user(self, *argv: str, check: bool = True, timeout_s: float = 60) -> str:
        """Run a command as the user, who finds their manager; like ``root``."""
        runtime_dir = f"XDG_RUNTIME_DIR=/run/user/{UID}"
        identity = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
        clean = ["env", "-i", f"HOME=/home/{USER}", f"USER={USER}", runtime_dir, _PATH]
        return self._run([*identity, *clean, *argv], check, timeout_s)

    def journal(self) -> str:
        """Everything that was said since the boot."""
        return self.root("journalctl", "--no-pager", "-o", "short-monotonic")

    def outside(self, path: Path | str) -> Path:
        """Where a path of the machine is for the tests: files and sockets both."""
        return Path(f"/proc/{self._init}/root{path}")

    def _run(self, argv: Sequence[str], check: bool, timeout_s: float) -> str:
        enter = ["nsenter", "-t", str(self._init), "-m", "-u", "-i", "-n", "-p", "-C"]
        done = subprocess.run(
            [*enter, f"--root=/proc/{self._init}/root", "--wdns=/", *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            text=True,
            errors="replace",
            check=False,
        )
        said = f"{done.stdout}{done.stderr}"
        assert not check or done.returncode == 0, f"{argv}: {done.returncode}\n{said}"
        return done.stdout if check else said


@contextlib.contextmanager
def booted(directory: Path) -> Iterator[Lab]:
    """A machine whose user's manager runs, until the context is left.

    ``directory`` is empty and takes two folders, of which ``shared`` stays. The journal
    is printed at the end; pytest shows it where a test has failed.
    """
    (lab_dir := directory / "lab").mkdir()
    (shared := directory / "shared").mkdir()
    os.chown(shared, UID, UID)
    with _cgroup() as cgroup, _namespaces(cgroup, lab_dir, shared) as init:
        lab = Lab(init, shared)
        try:
            lab.root("systemctl", "is-system-running", "--wait")
            lab.root("loginctl", "enable-linger", USER)
            lab.root("systemctl", "start", f"user@{UID}.service")
            lab.user("systemctl", "--user", "is-system-running", "--wait")
            yield lab
        finally:
            sys.stdout.write(lab.journal())


_PATH: Final = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def _cgroup2() -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mounted_at, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(mounted_at)
    return None


@contextlib.contextmanager
def _cgroup() -> Iterator[Path]:
    """The group that becomes the machine's root of all groups."""
    tree = _cgroup2()
    assert tree is not None, why_not()
    for left in tree.glob("kanband-lab.*"):
        # Of a run that was killed before it could clean up; in use, it is refused.
        if not Path("/proc", left.suffix[1:]).exists():
            with contextlib.suppress(OSError):
                _remove(left)
    cgroup = tree / f"kanband-lab.{os.getpid()}"
    cgroup.mkdir()
    try:
        yield cgroup
    finally:
        events = cgroup / "cgroup.events"
        eventually(lambda: "populated 0" in events.read_text(), "the machine is gone")
        _remove(cgroup)


def _remove(cgroup: Path) -> None:
    for folder, _, _ in os.walk(cgroup, topdown=False):
        Path(folder).rmdir()


@contextlib.contextmanager
def _namespaces(cgroup: Path, lab_dir: Path, shared: Path) -> Iterator[int]:
    """Yields the pid, here, of the machine's first process, once it takes orders."""
    join = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    # However the tests end, the machine ends with them.
    bound = ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES]
    bound += ["--fork", "--kill-child", "--propagation", "private"]
    programs = {str(REPOSITORY), sys.prefix, sys.base_prefix}
    first = ["bash", str(SCRIPT), str(lab_dir), USER, str(UID), str(shared), *programs]
    with (
        (lab_dir.parent / "console").open("w+") as console,
        subprocess.Popen(
            ["sh", "-c", join, str(cgroup), *bound, *first],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        ) as unshare,
    ):
        try:
            yield eventually(lambda: _ready(unshare), "systemd answers", BOOT_S)
        finally:
            console.seek(0)
            sys.stdout.write(console.read())
            # Its first process first: the kernel then ends all the others.
            if init := _child(unshare.pid):
                os.kill(init, signal.SIGKILL)
            unshare.kill()


def _ready(unshare: subprocess.Popen[bytes]) -> int:
    """The first process, once it has come as far as taking orders; else 0."""
    assert unshare.poll() is None, "the machine died while it booted"
    init = _child(unshare.pid)
    return init if Path(f"/proc/{init}/root/run/systemd/private").exists() else 0


def _child(pid: int) -> int:
    """The only child; 0 when there is none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return 0
    return int(children[0]) if children else 0

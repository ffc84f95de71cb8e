"""The shim: owns one run's process tree, its two logs and its exit record.

Decided here: when a run is over its limits, how its tree is ended, what is kept of
its logs, and what became of it. Absent: the link, git, retries, any message to anybody.
The worker reads files and a pidfd, so its death costs the run nothing.

Theory. The run directory is the whole interface. ``shim.spec.json`` says what to run;
``shim.lock`` is held (flock, shared) from before this process exists until its death;
``shim.json`` says who runs; ``exit.json`` says how it ended, written once, durable
before the shim leaves. The agent dies with the shim (PDEATHSIG); what it leaves
behind becomes the shim's own child (PR_SET_CHILD_SUBREAPER), so ``wait`` answering
ECHILD proves that no descendant is left. All waiting is one ``sigtimedwait``:
signals stay blocked, so there is no handler and no race. Limits go by CLOCK_MONOTONIC;
time in which the shim itself was stopped is forgiven, since nobody watched.

Run as ``python -I -S -X utf8 shim.py RUN_DIR [--service]``. Without ``--service`` it
forks itself away from its starter, which learns by exit status 0 that ``shim.json`` or
``exit.json`` is written. With it, it is the main process of a systemd service of
Type=notify and takes the lock itself; then the control group that the service has
proves the end beside ``wait``: when the kernel lists nobody in it but this process.

What a run may take of the machine (``resources``) is set in the agent's own process
before its program starts, as far as the kernel keeps such limits for a process. Memory
and processes of the whole tree are the control group's business where it has those
controllers; where it has not, the tree is looked at once a second.

It imports what is built in or is one small C extension: ``json``, ``signal`` and
``ctypes`` together were measured at 30 ms and 1.5 MiB per run, their cores at 2 ms.
It is one file although it is long: in five modules each start would take a tenth more
processor time (2.4 of 25 ms), and an upgrade could mix two versions of them.
"""

# ruff: noqa: PTH104, PTH110, PTH112, PTH208 - pathlib would be 6 ms more

import _ctypes
import _json
import errno
import fcntl
import os
import sys
from time import monotonic, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable, Iterator
else:
    import _signal as signal

SPEC, LOCK, IDENTITY, CUTS = "shim.spec.json", "shim.lock", "shim.json", "cuts.json"
EXIT, EXIT_RESERVED, REAPED = "exit.json", "exit.tmp", "reaped.json"
STDOUT, STDERR = "stdout.log", "stderr.log"
NONCE, SHIM_MARK = "KANBAN_RUN_ID", "KANBAN_SHIM_OF"
"""Environment entries: of the agent's tree, and of the shim's own process."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01  # linux/falloc.h
WAITED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGCONT, signal.SIGIO)
IGNORED = (signal.SIGHUP, signal.SIGINT)
EXIT_RESERVED_BYTES = 4096
MESSAGE_CHARS_MAX = 400
"""Keeps the exit record within its reserve, escapes included (6 bytes a character)."""

SLEEP_MAX_S = 30.0
"""Also bounds how much a SIGCONT can forgive."""
GAP_S = 2.0
"""Waking so much later than asked means: stopped, frozen or starved."""
LOOK_MIN_S, LOOK_FIRST_S, LOOK_MAX_S = 0.02, 0.05, 1.0
QUIET_AFTER_S = 2.0
LEFTOVER_GRACE_S = 2.0
"""Between TERM and KILL for what an agent left behind when it ended by itself."""
KILL_S = 30.0
"""A process in uninterruptible sleep outlasts SIGKILL; past this it is reported."""
REFUSED_S = 2.0
"""For children that we may not kill: they leave by themselves, or not at all."""
SWEEP_S = 5.0
EAGER_PASSES = 32
"""Rounds of KILL without a pause: a chain of forks is outrun, not outwaited."""
RECORD_S = 600.0
WARN_AT = 0.9
TREE_LOOK_S = 1.0
"""Some 0.1 ms each, for a tree of three."""
GROUPS = "/sys/fs/cgroup"
TREE_LIMITS = {"memory_bytes": "memory.max", "processes": "pids.max"}
"""Limits of the whole tree, and the control group's file that would hold them."""
RLIMITS = {
    "file_size_bytes": "RLIMIT_FSIZE",
    "open_files": "RLIMIT_NOFILE",
    "address_space_bytes": "RLIMIT_AS",
}
IOPRIO_SET = {
    "x86_64": 251,
    "aarch64": 30,
    "riscv64": 30,
    "ppc64le": 273,
    "s390x": 282,
    "armv7l": 314,
}
"""The C library has no function for ioprio_set(2); its number differs."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
UNPUNCHED_MAX = 4
"""Multiple of the log limit at which a run ends whose log cannot be cut."""


# ------------------------------------------------------------- kernel and files


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; raises OSError."""
    libc = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None: this program
    if (
        _ctypes.call_function(_ctypes.dlsym(libc, "prctl"), (option, value, 0, 0, 0))
        != 0
    ):
        raise OSError(errno.EINVAL, f"prctl {option} was refused")


def set_io_priority(value: int) -> None:
    """``value`` is class and level in one, for this process: ioprio_set(2)."""
    number = IOPRIO_SET.get(os.uname().machine)
    libc = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None: this program
    syscall = _ctypes.dlsym(libc, "syscall")
    if number is None or _ctypes.call_function(syscall, (number, 1, 0, value)) != 0:
        raise OSError(errno.EPERM, "it was refused")


def impose(name: str, value: int) -> None:
    """Take one of ``resources`` upon this process. Raises OSError, ValueError."""
    if name in RLIMITS:
        import resource  # noqa: PLC0415  (in the agent's process, where it is asked for)

        resource.setrlimit(getattr(resource, RLIMITS[name]), (value, value))
    elif name == "nice":
        os.setpriority(os.PRIO_PROCESS, 0, value)
    elif name == "io_priority":
        set_io_priority(value)
    elif name == "oom_score_adj":
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, str(value).encode())
        os.close(fd)


def punch(fd: int, start: int, end: int) -> bool:
    """Give back the blocks of [start, end), fallocate(2); False where unsupported."""
    import ctypes  # noqa: PLC0415  (0.5 MiB that most runs never need)

    offset = ctypes.c_long
    libc = ctypes.CDLL(None)
    done = libc.fallocate(fd, PUNCH_HOLE_KEEP_SIZE, offset(start), offset(end - start))
    return bool(done == 0)


class _Scanner:
    """What the C scanner behind ``json.loads`` asks for."""

    strict = False
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, float


def decode(text: str) -> dict[str, object]:
    """One JSON object, nothing before it."""
    scan = _json.make_scanner(_Scanner())  # type: ignore[arg-type]  # by duck
    value, _ = scan(text, 0)
    assert isinstance(value, dict)
    return value


def encode(value: object) -> str:
    """JSON of strings, numbers, None, lists and dicts of them."""
    if isinstance(value, str):
        return _json.encode_basestring_ascii(value)
    if isinstance(value, dict):
        pairs = (f"{encode(key)}: {encode(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(encode, value)) + "]"
    if value is None:
        return "null"
    return repr(value).lower()


def read(path: str) -> bytes:
    """Read a whole file, of /proc or of the run."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def replace(name: str, value: object, *, durable: bool) -> None:
    """Write a JSON file whole or not at all; ``durable`` also across a power cut."""
    fd = os.open(f"{name}.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        put(fd, encode(value).encode())
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(f"{name}.tmp", name)
    if durable:
        sync_directory()


def put(fd: int, data: bytes) -> None:
    """Write at the start of a file; a short write is a full disk."""
    if os.pwrite(fd, data, 0) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sync_directory() -> None:
    """Make the run directory's names durable."""
    fd = os.open(".", os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def reserve(path: str) -> int:
    """Take the exit record's disk space while there is some; the open file.

    The launcher does so too, earlier, where a refusal can still be told.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(fd, 0, EXIT_RESERVED_BYTES)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}:
            raise
        put(fd, b" " * EXIT_RESERVED_BYTES)
    return fd


def record(fd: int, value: dict[str, object]) -> None:
    """Write ``exit.json`` into its reserve, durably; keeps trying for ``RECORD_S``."""
    text = encode(value).encode()
    deadline = monotonic() + RECORD_S
    while True:
        try:
            # Padding first: were the cut below refused, blanks are still JSON.
            put(fd, text.ljust(EXIT_RESERVED_BYTES))
            try:
                os.ftruncate(fd, len(text))
            except OSError as error:
                say(f"exit.json keeps its padding: {error.strerror}")
            os.fsync(fd)
            os.rename(EXIT_RESERVED, EXIT)
            sync_directory()
        except OSError as error:
            say(f"exit.json cannot be written ({error.strerror}): {text.decode()}")
            if monotonic() > deadline:
                raise
            signal.sigtimedwait((), 1.0)
        else:
            return


def say(line: str) -> None:
    """Put a line into ``shim.log``; never a reason to fail."""
    try:
        os.write(2, f"shim {os.getpid()}: {line}\n".encode(errors="replace"))
    except OSError:
        return


# ------------------------------------------------------------------- processes


def boot_id() -> str:
    """``/proc/sys/kernel/random/boot_id``: one start of this machine's kernel."""
    return read("/proc/sys/kernel/random/boot_id").decode().strip()


def stat_of(pid: int) -> tuple[str, int, int, int] | None:
    """State, parent, process group and start ticks: proc_pid_stat(5). None: gone."""
    try:
        line = read(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name may hold blanks and parentheses; nothing after its last ")" does.
    fields = line[line.rindex(b")") + 2 :].split()
    return fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[19])


def start_ticks(pid: int) -> int:
    """When a process began, in clock ticks since boot; 0 when it is gone."""
    stat = stat_of(pid)
    return stat[3] if stat else 0


def pids() -> "Iterator[int]":
    """Every process there is."""
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def descendants(root: int) -> dict[int, int]:
    """Living descendants of a process, with their start ticks, parents first."""
    stats = {pid: stat for pid in pids() if (stat := stat_of(pid))}
    children: dict[int, list[int]] = {}
    for pid, (_, parent, _, _) in stats.items():
        children.setdefault(parent, []).append(pid)
    found: dict[int, int] = {}
    pending = list(children.get(root, ()))
    for pid in pending:  # grows as it goes
        pending.extend(children.get(pid, ()))
        if stats[pid][0] not in "ZX":
            found[pid] = stats[pid][3]
    return found


def carries(pid: int, entry: bytes) -> bool:
    """Whether a process was started with exactly this ``NAME=value``."""
    try:
        environ = read(f"/proc/{pid}/environ")
    except OSError:  # gone, or somebody else's
        return False
    return entry in environ and entry in environ.split(b"\0")


def carriers(entry: str) -> dict[int, int]:
    """Find processes started with the entry, with start ticks; never oneself."""
    mark, me = entry.encode(), os.getpid()
    found = {pid: start_ticks(pid) for pid in pids() if carries(pid, mark)}
    return {pid: start for pid, start in found.items() if start and pid != me}


def send(pid: int, start: int, signals: "Iterable[int]") -> bool:
    """Signal exactly this process, never one that inherited its pid."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if start_ticks(pid) != start:
            return False
        for number in signals:
            signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def children() -> list[int]:
    """Direct children. Only we can reap them, so their pids cannot be reused."""
    me = os.getpid()
    try:
        return [int(pid) for pid in read(f"/proc/{me}/task/{me}/children").split()]
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN
        return [pid for pid in pids() if (stat := stat_of(pid)) and stat[1] == me]


def children_of(pid: int) -> list[int]:
    """Direct children of any process, by all of its threads."""
    tasks = f"/proc/{pid}/task"
    try:
        lists = [read(f"{tasks}/{tid}/children").split() for tid in os.listdir(tasks)]
    except OSError:  # it is gone, or a kernel without CONFIG_PROC_CHILDREN
        return [each for each in pids() if (stat := stat_of(each)) and stat[1] == pid]
    return [int(child) for found in lists for child in found]


def tree_use(root: int) -> dict[str, int]:
    """Private resident bytes and threads of all that descends from a process.

    Private: what they share (a program's text, mostly) would count for each of them.
    """
    memory_bytes = processes = 0
    pending = children_of(root)
    for pid in pending:  # grows as it goes
        try:
            pending.extend(children_of(pid))
            resident, shared = read(f"/proc/{pid}/statm").split()[1:3]
            processes += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:  # it is gone
            continue
        memory_bytes += (int(resident) - int(shared)) * PAGE_BYTES
    return {"memory_bytes": memory_bytes, "processes": processes}


def own_group() -> str:
    """The folder of this process's control group; empty where it cannot be seen."""
    try:
        for line in read("/proc/self/cgroup").decode().splitlines():
            if line.startswith("0::/") and os.getpid() in members(GROUPS + line[3:]):
                return GROUPS + line[3:]
    except OSError as error:
        say(f"no control group: {error.strerror}")
    return ""


def members(group: str) -> list[int]:
    """Every process of a control group and of those below it."""
    found = [int(pid) for pid in read(f"{group}/cgroup.procs").split()]
    for name in os.listdir(group):
        if os.path.isdir(f"{group}/{name}"):
            found += members(f"{group}/{name}")
    return found


def group_says(group: str, name: str) -> str:
    """One of its files; empty where it has none."""
    try:
        return read(f"{group}/{name}").decode().strip() if group else ""
    except OSError:
        return ""


def oom_kills(group: str) -> int:
    """How many of its processes the kernel has ended for want of memory."""
    lines = group_says(group, "memory.events").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


# ------------------------------------------------------------------------ logs


class Log:
    """One output file: grows at its end, loses its middle, keeps its offsets."""

    def __init__(self, name: str, cap: int) -> None:
        self.name, self.cap = name, cap
        self.slack = max(cap // 8, 16384)
        # O_APPEND belongs to the agent's descriptor: pwrite would append too.
        self.fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        self.size = 0
        self.cut: list[int] = []

    @property
    def kept(self) -> int:
        """Bytes that still take space."""
        return self.size - (self.cut[1] - self.cut[0] if self.cut else 0)

    def look(self) -> int:
        """Bytes written since the last look."""
        before, self.size = self.size, os.fstat(self.fd).st_size
        if self.cut and self.size < self.cut[1]:  # the agent emptied its own log
            self.cut = []
        return abs(self.size - before)

    def next_cut(self) -> list[int]:
        """Choose the range to lose so that ``cap`` bytes stay, moved to line ends."""
        start = self.cut[0] if self.cut else self._line_end(self.cap // 2)
        return [start, self._line_end(self.size - self.cap // 2)]

    def punch(self, cut: list[int]) -> bool:
        """Cut the range and mark it; False where holes are not supported."""
        count = f"{cut[1] - cut[0]:>15}"
        mark = f"\n[kanban: {count} bytes cut here, over the log limit]\n".encode()
        # From the mark each time: what is punched already costs nothing, while the
        # block in which the last cut ended could not be given back then.
        if not punch(self.fd, cut[0] + len(mark), cut[1]):
            return False
        self.cut = cut
        try:
            os.pwrite(self.fd, mark, cut[0])
        except OSError as error:
            say(f"{self.name} is cut without a mark: {error.strerror}")
        return True

    def _line_end(self, offset: int) -> int:
        return offset + os.pread(self.fd, 4096, offset).find(b"\n") + 1


class Output:
    """Both logs: when they last grew, when to look again, what was cut.

    Quiet logs are not polled: a one-shot directory notification (F_NOTIFY, fcntl(2):
    no descriptor limit, unlike inotify's 128 instances a user) raises SIGIO at the
    next write. While output flows, looks come as often as the rate asks for.
    """

    def __init__(self, cap: int, now: float) -> None:
        self.logs = [Log(STDOUT, cap), Log(STDERR, cap)]
        self.cap, self.directory = cap, os.open(".", os.O_RDONLY)
        self.grown_at = self.looked_at = now
        self.pace_s = LOOK_FIRST_S
        self.look_at = now + LOOK_FIRST_S
        self.punchless = False

    @property
    def size(self) -> int:
        """Bytes written in all."""
        return sum(log.size for log in self.logs)

    @property
    def kept_max(self) -> int:
        """Bytes that the larger log still takes."""
        return max(log.kept for log in self.logs)

    def stir(self, now: float) -> None:
        """Something was written after a silence."""
        self.pace_s = LOOK_FIRST_S
        self.look_at = now

    def look(self, now: float) -> None:
        """Measure, cut what is over, and set the time of the next look."""
        growth = sum([log.look() for log in self.logs])
        if growth:
            self.grown_at = now
        self._cut()
        rate = growth / max(now - self.looked_at, 0.001)
        wanted_s = self.logs[0].slack / max(rate, 1.0) if self.cap else LOOK_MAX_S
        self.pace_s = min(max(wanted_s, LOOK_MIN_S), self.pace_s * 2, LOOK_MAX_S)
        self.looked_at, self.look_at = now, now + self.pace_s
        if now - self.grown_at >= QUIET_AFTER_S and self._arm():
            # What was written before the notification stood would wake nobody.
            quiet = not sum([log.look() for log in self.logs])
            self.grown_at = self.grown_at if quiet else now
            self.look_at = float("inf") if quiet else now + LOOK_FIRST_S

    def _arm(self) -> bool:
        try:
            fcntl.fcntl(self.directory, fcntl.F_NOTIFY, fcntl.DN_MODIFY)
        except OSError:  # a kernel without dnotify: once a second it is
            return False
        return True

    def _cut(self) -> None:
        for log in self.logs:
            if not 0 < self.cap < log.kept - log.slack:
                continue
            cut = log.next_cut()
            # Named before it is gone: a reader never takes the hole for text. A full
            # disk may refuse that, but cutting is what frees it.
            named = self._name_cuts({log.name: cut})
            punched = log.punch(cut)
            self.punchless = self.punchless or not punched
            if not (named and punched):
                self._name_cuts({})

    def _name_cuts(self, new: dict[str, list[int]]) -> bool:
        cuts = {log.name: log.cut for log in self.logs if log.cut}
        try:
            replace(CUTS, cuts | new, durable=False)
        except OSError as error:
            say(f"{CUTS} cannot be written: {error.strerror}")
            return False
        return True


# ------------------------------------------------------------------------- run


class Spec:
    """``shim.spec.json``. Limits of 0 are none; keys of newer launchers are ignored."""

    def __init__(self, values: dict[str, object]) -> None:
        def number(name: str) -> float:
            value = values[name]
            assert isinstance(value, int | float)
            return value

        argv, env = values["argv"], values["env"]
        assert isinstance(argv, list)
        assert isinstance(env, dict)
        self.argv, self.env = [str(item) for item in argv], env
        self.run_id, self.cwd = str(values["run_id"]), str(values["cwd"])
        self.run_s, self.silence_s = number("run_s"), number("silence_s")
        self.log_bytes, self.grace_s = int(number("log_bytes")), number("grace_s")
        self.lock_fd = int(number("lock_fd"))
        # An older launcher, in the middle of an upgrade, says nothing of them.
        resources = values.get("resources", {})
        assert isinstance(resources, dict)
        self.resources: dict[str, int] = resources


class Run:
    """One agent from fork to exit record."""

    def __init__(self, spec: Spec, group: str = "") -> None:
        """``group``: the control group that is this run's alone, if there is one."""
        now = monotonic()
        self.group = group
        self.watched = {
            name: spec.resources[name]
            for name, file in TREE_LIMITS.items()
            if name in spec.resources and group_says(group, file) in {"", "max"}
        }
        self.tree_at = now if self.watched else float("inf")
        self.spec, self.output = spec, Output(spec.log_bytes, now)
        self.nonce = f"{NONCE}={spec.run_id}"
        self.agent_pid = 0
        self.started_ms = self.ended_ms = int(time() * 1000)
        self.started_at = self.wall_from = self.ended_at = now
        self.reason = self.message = ""
        self.errno: int | None = None
        self.status: int | None = None
        self.terms = 0
        self.kill_at = float("inf")
        self.leftovers_asked = False
        self.leftovers: set[tuple[int, int]] = set()
        self.cpu_s, self.rss_max_bytes = 0.0, 0
        self.warned: list[str] = []

    # -- start

    def start(self) -> None:
        """Fork the agent, name both in ``shim.json``, let it exec; else spawn_failed.

        It waits for its name to be on the disk: an agent that has done anything is one
        that whoever comes later can find.
        """
        failed, told = os.pipe()
        ready, go = os.pipe()
        try:
            shim = os.getpid()
            self.agent_pid = os.fork()
            if self.agent_pid == 0:
                os.close(go)
                become_agent(self.spec, shim, told, ready)
            os.close(told)
            self._identify()
            os.write(go, b"!")
            refuse(os.read(failed, 256).decode())
        except OSError as error:
            self.reason, self.errno = "spawn_failed", error.errno
            self.message = f"the agent was not started: {error.strerror}"
            self.kill_at = 0.0
        finally:
            for descriptor in (failed, ready, go):
                os.close(descriptor)

    def _identify(self) -> None:
        me = os.getpid()
        identity = {
            "boot_id": boot_id(),
            "pid": me,
            "start_ticks": start_ticks(me),
            "agent_pid": self.agent_pid,
            "agent_start_ticks": start_ticks(self.agent_pid),
            "started_ms": self.started_ms,
            "group": self.group,
        }
        replace(IDENTITY, identity, durable=True)

    # -- watch

    def supervise(self) -> None:
        """Until no descendant is left, or the time to ask nicely is over."""
        while self.reap() and monotonic() < self.kill_at:
            now = monotonic()
            if now >= self.output.look_at:
                self.output.look(now)
            self.decide(now)
            self.wait(now)

    def reap(self) -> bool:
        """Take every dead child; False once there is no child at all."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.rss_max_bytes = max(self.rss_max_bytes, usage.ru_maxrss * 1024)
            self.cpu_s += usage.ru_utime + usage.ru_stime
            if pid == self.agent_pid:
                self.status = status
                self.ended_at, self.ended_ms = monotonic(), int(time() * 1000)

    def decide(self, now: float) -> None:
        """Draw the consequence of the agent's end, an order, or a limit."""
        if self.status is not None:
            self.reason = self.reason or "exited"
            if not self.leftovers_asked:
                self.leftovers_asked = True
                self.ask(now, min(LEFTOVER_GRACE_S, self.spec.grace_s))
        elif not self.reason:
            self.reason = "cancelled" if self.terms else self.exceeded(now)
            if self.reason:
                self.ask(now, self.spec.grace_s)
        if self.terms > 1:
            self.kill_at = now

    def exceeded(self, now: float) -> str:
        """Name the reason to end the run, if there is one."""
        if self.used_up("run_s", now - self.wall_from, self.spec.run_s):
            return "timeout"
        if self.used_up("silence_s", now - self.output.grown_at, self.spec.silence_s):
            self.output.look(now)  # the last word: it may have been written just now
            if now - self.output.grown_at >= self.spec.silence_s:
                return "stalled"
        kept, cap = self.output.kept_max, self.spec.log_bytes
        self.used_up("log_bytes", kept, cap)
        if self.output.punchless and kept > cap * UNPUNCHED_MAX:
            self.message = "the log is over its limit, and its disk cannot punch holes"
            return "over_budget"
        return "over_budget" if now >= self.tree_at and self.overgrown(now) else ""

    def overgrown(self, now: float) -> bool:
        """Look at the tree; whether it is over a limit that no control group keeps."""
        self.tree_at = now + TREE_LOOK_S
        used = tree_use(os.getpid())
        for name, limit in self.watched.items():
            if self.used_up(name, used[name] - 1, limit):
                self.message = (
                    f"the agent and its processes were over {name} = {limit} of the "
                    f"profile's resources (used: {used[name]})"
                )
        return bool(self.message)

    def used_up(self, name: str, used: float, limit: float) -> bool:
        """Whether a limit is reached; says so once at 90 %."""
        if limit > 0 and used >= limit * WARN_AT and name not in self.warned:
            self.warned.append(name)
            say(f"{name}: {used:.0f} of {limit:.0f} used")
        return 0 < limit <= used

    def next_limit_at(self) -> float:
        """When the next limit or its warning falls due."""
        if self.reason:
            return self.kill_at
        due = [self.tree_at]
        for name, since, limit in (
            ("run_s", self.wall_from, self.spec.run_s),
            ("silence_s", self.output.grown_at, self.spec.silence_s),
        ):
            if limit > 0:
                due.append(since + limit * (1 if name in self.warned else WARN_AT))
        return min(due)

    def wait(self, now: float) -> None:
        """Sleep until a signal or a deadline, and forgive what nobody watched."""
        until = min(self.next_limit_at(), self.output.look_at, now + SLEEP_MAX_S)
        got = set()
        info = signal.sigtimedwait(WAITED, max(until - now, 0.0))
        while info is not None:
            got.add(info.si_signo)
            self.terms += info.si_signo == signal.SIGTERM
            info = signal.sigtimedwait(WAITED, 0)
        woken = monotonic()
        # The start of a stop is not told: after a SIGCONT all of the sleep is in doubt.
        gap = woken - (now if signal.SIGCONT in got else until)
        if gap > GAP_S:
            say(f"not watched for {gap:.1f} s: forgiven")
            self.wall_from += gap
            self.output.grown_at += gap
            self.output.look_at = woken
        if signal.SIGIO in got:
            self.output.stir(woken)

    # -- end

    def ask(self, now: float, grace_s: float) -> None:
        """TERM to the tree and to whatever carries the nonce; KILL after the grace.

        CONT too: a stopped process would not hear the first.
        """
        self.kill_at = min(self.kill_at, now + grace_s)
        targets = carriers(self.nonce) | descendants(os.getpid())
        for pid, start in targets.items():
            if send(pid, start, (signal.SIGTERM, signal.SIGCONT)):
                self.note_leftover(pid, start)

    def note_leftover(self, pid: int, start: int) -> None:
        """Count what outlived the agent."""
        if self.status is not None:
            self.leftovers.add((pid, start))

    def kill(self) -> bool:
        """KILL until ``wait`` says ECHILD: then, as subreaper, there is no descendant.

        Killing a child makes its children ours, so the tree is eaten from the root
        down however fast it forks. A process group dies as one: fork(2) fails in a
        process with a signal pending, and the group is signalled under the same lock.
        """
        deadline, passes = monotonic() + KILL_S, 0
        refused_until = deadline
        while self.reap():
            if monotonic() > refused_until:
                say(f"these cannot be killed: {children()}")
                return False
            ours = [self.kill_child(pid) for pid in children()]
            if not ours or any(ours):
                refused_until = deadline
            else:
                refused_until = min(refused_until, monotonic() + REFUSED_S)
            passes += 1
            if passes % 64 == 0:  # what hides behind a parent that will not die
                for pid, start in descendants(os.getpid()).items():
                    send(pid, start, (signal.SIGKILL,))
            signal.sigtimedwait(
                (signal.SIGCHLD,), 0 if passes < EAGER_PASSES else 0.005
            )
        return True

    def kill_child(self, pid: int) -> bool:
        """KILL a direct child, which stays a zombie till we reap it, and its group.

        False: it is not ours to kill, for it has become somebody else (by sudo, say).
        """
        try:
            os.kill(pid, signal.SIGKILL)
        except PermissionError:
            return False
        except ProcessLookupError:  # the list is not taken at one moment
            return True
        stat = stat_of(pid)
        if stat is None:
            return True
        self.note_leftover(pid, stat[3])
        # Our own group is that of a child which has not come to its setsid yet.
        if stat[2] not in {0, 1, os.getpgrp()}:
            try:
                os.killpg(stat[2], signal.SIGKILL)
            except OSError:  # empty by now, or somebody else's after a setuid
                return True
        return True

    def sweep(self) -> bool:
        """KILL what carries the nonce without descending from us; two empty passes."""
        deadline, empty = monotonic() + SWEEP_S, 0
        while empty < 2:  # noqa: PLR2004
            found = carriers(self.nonce)
            empty = 0 if found else empty + 1
            if found and monotonic() > deadline:
                say(f"still there with the run's nonce: {sorted(found)}")
                return False
            for pid, start in found.items():
                if send(pid, start, (signal.SIGKILL,)):
                    self.note_leftover(pid, start)
            if found:
                signal.sigtimedwait((signal.SIGCHLD,), 0.005)
        return True

    def empty_group(self) -> bool:
        """KILL until the kernel lists nobody else in the run's control group.

        Not by ``cgroup.kill``: this process is in it, and has the record to write.
        """
        deadline, me = monotonic() + SWEEP_S, os.getpid()
        try:
            while others := [pid for pid in members(self.group) if pid != me]:
                if monotonic() > deadline:
                    say(f"still there in the control group: {others}")
                    return False
                for pid in others:
                    if send(pid, start := start_ticks(pid), (signal.SIGKILL,)):
                        self.note_leftover(pid, start)
                signal.sigtimedwait((signal.SIGCHLD,), 0.005)
                self.reap()
        except OSError as error:
            say(f"the control group cannot be read: {error.strerror}")
            return False
        return True

    def blame(self) -> None:
        """A KILL that nobody sent was the kernel's, if the group was out of memory."""
        code = os.waitstatus_to_exitcode(self.status) if self.status is not None else 0
        killed = code in {-signal.SIGKILL, 128 + signal.SIGKILL}  # its own, or by a sh
        if killed and self.reason in {"", "exited"} and oom_kills(self.group):
            self.reason = "over_budget"
            limit = group_says(self.group, "memory.max")
            self.message = (
                "the kernel ended the agent for want of memory; what the profile's "
                f"resources let the run have: memory_bytes = {limit}"
            )

    def close(self) -> dict[str, object]:
        """End all that is left; the exit record."""
        proven = self.kill()
        proven = self.sweep() and proven
        grouped = bool(self.group) and self.empty_group() and proven
        self.blame()
        self.output.look(monotonic())
        code = os.waitstatus_to_exitcode(self.status) if self.status is not None else 0
        ran = self.status is not None and self.reason != "spawn_failed"
        return {
            "reason": self.reason or "exited",
            "code": code if ran and code >= 0 else None,
            "signal": -code if ran and code < 0 else None,
            "errno": self.errno,
            "message": self.message[:MESSAGE_CHARS_MAX],
            "agent_pid": self.agent_pid,
            "started_ms": self.started_ms,
            "ended_ms": self.ended_ms,
            "duration_ms": int((self.ended_at - self.started_at) * 1000),
            "cpu_ms": int(self.cpu_s * 1000),
            "rss_max_bytes": self.rss_max_bytes,
            "output_bytes": self.output.size,
            "log_cut": any(log.cut for log in self.output.logs),
            "leftovers_killed": len(self.leftovers),
            "proof": "cgroup" if grouped else "subreaper" if proven else "none",
            "warned": self.warned,
        }


def refuse(report: str) -> None:
    """Raise what the child could not do; an empty report means that it did exec."""
    if report:
        code, _, what = report.partition(" ")
        raise OSError(int(code), f"{what}: {os.strerror(int(code))}")


def become_agent(spec: Spec, shim: int, told: int, ready: int) -> None:
    """In the forked child: a clean process, then exec once told so. Never returns."""
    what = "it cannot be set up"
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != shim:  # it died before the line above took effect
            os._exit(127)
        os.setsid()
        for target, name, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, STDOUT, os.O_WRONLY | os.O_APPEND),
            (2, STDERR, os.O_WRONLY | os.O_APPEND),
        ):
            os.dup2(os.open(name, flags), target)
        for number in range(1, signal.NSIG):
            try:
                signal.signal(number, signal.SIG_DFL)
            except (OSError, ValueError):  # KILL, STOP, and libc's own
                continue
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        what = f"its directory {spec.cwd}"
        os.chdir(spec.cwd)
        for name, value in spec.resources.items():
            what = f"its profile's {name} = {value} is more than it may have here"
            impose(name, value)
        what = f"its program {spec.argv[0]}"
        if not os.read(ready, 1):
            os._exit(127)
        os.execvpe(spec.argv[0], spec.argv, spec.env)  # noqa: S606  as argv, no shell
    except (OSError, ValueError, IndexError, MemoryError) as error:
        code = getattr(error, "errno", None) or errno.EINVAL
        os.write(told, f"{code} {what}".encode(errors="replace")[:256])
    finally:
        os._exit(127)


# ----------------------------------------------------------------------- start


def detach(lock_fd: int) -> int:
    """Become nobody's child; the pipe on which to tell the starter that all is up."""
    told, ready = os.pipe()
    if os.fork() == 0:
        os.close(told)
        os.setsid()
        return ready
    os.close(ready)
    os.close(lock_fd)
    os._exit(0 if os.read(told, 1) else 1)


def hold(spec: Spec) -> None:
    """As a service: take the run's lock, unless the run was buried meanwhile."""
    fcntl.flock(os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_SH)
    if os.path.exists(REAPED) or os.path.exists(EXIT):
        raise OSError(errno.ESTALE, f"run {spec.run_id} is over already")


def notify_ready(address: str) -> None:
    """sd_notify(3)."""
    import _socket  # noqa: PLC0415  (only as a service)

    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    sock.sendto(b"READY=1", address.replace("@", "\0", 1))
    sock.close()


def main(arguments: list[str]) -> int:
    """Run one run. Returns 0 once its exit record is durable."""
    os.chdir(arguments[0])
    service = "--service" in arguments[1:]
    spec = Spec(decode(read(SPEC).decode()))
    if service:
        log = os.open("shim.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        hold(spec)
    else:
        os.set_inheritable(spec.lock_fd, False)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if ignored, no child is waited for
    signal.pthread_sigmask(signal.SIG_SETMASK, WAITED)
    exit_fd = reserve(EXIT_RESERVED)
    ready = -1 if service else detach(spec.lock_fd)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    run = Run(spec, own_group() if service else "")
    run.start()
    if run.reason:
        record(exit_fd, run.close())
    if service:
        notify_ready(os.environ["NOTIFY_SOCKET"])
    else:
        os.write(ready, b"1")
        os.close(ready)
    if not run.reason:
        run.supervise()
        record(exit_fd, run.close())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as failure:
        say(f"cannot run: {failure}")
        sys.exit(1)

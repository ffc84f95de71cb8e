"""systemd, by its own programs: one manager, the user's or the system's.

Decided here: how we know that there is none, and what to do about it; that nobody is
ever asked for a password. Expected refusals become ``Refused`` with systemd's reason.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from kanbanctl.failures import Refused
from kanbanctl.service.texts import Scope

PROPERTIES: Final = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "MainPID",
    "NRestarts",
    "Result",
    "StatusText",
    "ActiveEnterTimestamp",
)
_LINES: Final = 5


class Manager:
    """The one of ``scope``. Raises ``Refused`` when there is none to talk to."""

    def __init__(self, scope: Scope, environ: Mapping[str, str]) -> None:
        self.scope = scope
        self._environ = dict(environ)
        if shutil.which("systemctl") is None:
            raise Refused(
                "there is no systemd here (no systemctl on PATH). Start 'kanband' with "
                "the supervisor that this machine has: it stays in the foreground, and "
                "SIGTERM ends it in peace."
            )
        if scope == "user":
            # By sudo, su and cron one comes without it, though the manager is there.
            runtime = f"/run/user/{os.geteuid()}"
            if Path(runtime, "systemd").is_dir():
                self._environ.setdefault("XDG_RUNTIME_DIR", runtime)
        asked = self._systemctl("show", "-P", "Version")
        if asked.returncode != 0:
            raise Refused(self._nobody(asked.stderr.strip()))

    def _nobody(self, said: str) -> str:
        if self.scope == "system":
            return (
                f"the system's manager does not answer: {said}. Is systemd what this "
                "machine was booted with? In a container it mostly is not."
            )
        name = user_name()
        return (
            f"{name} has no manager of services: {said}.\nLog in as {name} (not by su "
            f"or sudo), or have root do 'loginctl enable-linger {name}' first. Where "
            "the machine was booted without systemd, start 'kanband' by what it has."
        )

    def do(self, *words: str) -> str:
        """``systemctl WORDS``, until it is done. Raises ``Refused``."""
        done = self._systemctl(*words)
        if done.returncode != 0:
            raise Refused(f"{self.spelled(*words)}: {_reason(done)}")
        return done.stdout

    def start(self, verb: str, unit: str) -> None:
        """``start`` or ``restart``; the refusal has what the unit said last."""
        try:
            self.do(verb, unit)
        except Refused as refused:
            last = self._journal(unit)
            raise Refused(f"{refused.message}\n{last}".rstrip()) from None

    def _journal(self, unit: str) -> str:
        command = ["journalctl", *self._flag(), "-u", unit, "-o", "cat", "--no-pager"]
        return self._run([*command, "-q", f"-n{_LINES}"]).stdout

    def units(self, *names: str) -> list[dict[str, str]]:
        """Their ``PROPERTIES``; patterns find what is loaded."""
        shown = self._systemctl("show", f"-p{','.join(PROPERTIES)}", *names)
        blocks = shown.stdout.strip().split("\n\n")
        return [
            dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            for block in blocks
            if block
        ]

    def lingers(self) -> bool:
        """Whether the user's manager lives without a login."""
        asked = self._run(["loginctl", "show-user", user_name(), "-p", "Linger"])
        return asked.stdout.strip() == "Linger=yes"

    def make_linger(self) -> str:
        """Empty when it does now; else systemd's reason."""
        words = ["loginctl", "--no-ask-password", "enable-linger", user_name()]
        done = self._run(words)
        return "" if done.returncode == 0 else _reason(done)

    def helper(self, *argv: str) -> None:
        """Another of systemd's programs. Raises ``Refused``."""
        done = self._run(list(argv))
        if done.returncode != 0:
            raise Refused(f"{' '.join(argv)}: {_reason(done)}")

    def spelled(self, *words: str) -> str:
        """As a person types it."""
        return " ".join(["systemctl", *self._flag()[self.scope == "system" :], *words])

    def _flag(self) -> list[str]:
        return [f"--{self.scope}"]

    def _systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        quiet = ["--no-ask-password", "--no-pager"]
        return self._run(["systemctl", *self._flag(), *quiet, *words])

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=self._environ | {"LC_ALL": "C", "SYSTEMD_COLORS": "0"},
                check=False,
            )
        except OSError as error:
            return subprocess.CompletedProcess(command, 127, "", str(error))


def user_name() -> str:
    """Who we are."""
    import pwd  # noqa: PLC0415 (only needed here)

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr or done.stdout).strip() or f"exit {done.returncode}"

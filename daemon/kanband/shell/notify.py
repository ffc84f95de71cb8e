"""Words to systemd: sd_notify(3) over the socket that it names.

No library: the protocol is one datagram of ``KEY=value`` lines. Without a manager
(``NOTIFY_SOCKET`` unset) every call does nothing.
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_START_S: Final = 300
"""How long the watchdog's patience is while another version starts in this process:
the units' TimeoutStartSec, since a start may check a whole store."""


class Notifier:
    """The service manager that started us, if any."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID."""
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environ)

    def ready(self, status: str) -> None:
        """Up; also after ``reloading``, so that the watchdog is as it was."""
        watchdog = {}
        if self.watchdog_s is not None:
            watchdog["WATCHDOG_USEC"] = str(int(self.watchdog_s * 1e6))
        self.send(READY="1", STATUS=status, **watchdog)

    def reloading(self, status: str) -> None:
        """The same process is about to become ready again."""
        watchdog = {}
        if self.watchdog_s is not None:
            watchdog["WATCHDOG_USEC"] = str(_START_S * 1_000_000)
        now_us = str(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)
        self.send(RELOADING="1", MONOTONIC_USEC=now_us, STATUS=status, **watchdog)

    def send(self, **values: str) -> None:
        """Send values such as ``READY="1"``; a manager that is gone is no error."""
        if not self._address:
            return
        text = "\n".join(f"{key}={value}" for key, value in values.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            try:
                channel.sendto(text.encode(), self._address)
            except OSError:
                return


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """How often the watchdog wants to hear of us at the least, or None."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    pid = environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdecimal() or pid != str(os.getpid()):
        return None
    return int(microseconds) / 1e6 or None  # 0 watches nobody: sd_watchdog_enabled(3)

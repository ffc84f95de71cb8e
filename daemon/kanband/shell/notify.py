"""Words to systemd: sd_notify(3) over the socket that it names.

No library: the protocol is one datagram of ``KEY=value`` lines. Without a manager
(``NOTIFY_SOCKET`` unset) every call does nothing.
"""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """The service manager that started us, if any."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID."""
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environ)

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

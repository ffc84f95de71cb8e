"""A run's token: derived from the daemon's key, so that nothing has to be kept.

``RUN.EPOCH.MAC``: whom it opens is written in it, the MAC (HMAC-SHA256 over both, by a
key that only the daemon has) proves it. So it is the same after a restart of the
daemon, differs for each epoch, and is in no store. Whether the run still holds its
ticket is asked elsewhere: a token of an ended run is genuine and opens nothing.
"""

import base64
import hashlib
import hmac
import re
from typing import Final, NamedTuple

from kanban_ipc.words import Epoch, RunId

KEY_BYTES: Final = 32
_PURPOSE: Final = b"kanban run token 1"
_FORM: Final = re.compile(
    r"(?P<run>[0-9a-f-]{36})\.(?P<epoch>[1-9][0-9]{0,15})\.(?P<mac>[A-Za-z0-9_-]{43})",
    re.ASCII,
)


class Holder(NamedTuple):
    """Whom a token opens."""

    run_id: RunId
    epoch: Epoch


def token(key: bytes, run_id: RunId, epoch: Epoch) -> str:
    """The token of a run in an epoch."""
    return f"{run_id}.{epoch}.{_mac(key, run_id, epoch)}"


def holder(key: bytes, text: str) -> Holder | None:
    """Whom it opens; None: it is not of this key. Compared in constant time."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    run_id, epoch = RunId(found["run"]), Epoch(int(found["epoch"]))
    if not hmac.compare_digest(found["mac"], _mac(key, run_id, epoch)):
        return None
    return Holder(run_id, epoch)


def _mac(key: bytes, run_id: RunId, epoch: Epoch) -> str:
    said = b"\0".join((_PURPOSE, run_id.encode("ascii"), str(epoch).encode("ascii")))
    digest = hmac.new(key, said, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

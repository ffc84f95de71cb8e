"""What can not be tried on every machine, and why it was not."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support import systemd_lab

# A busy machine is not a fault of the code; and no file is left in the tree.
settings.register_profile(
    "kanband",
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("kanband")

# Started in the background by a shell without job control, we would ignore SIGINT, and
# so would every program that a test wants to interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

IS_ROOT = os.geteuid() == 0

os.environ["PYTHONPATH"] = str(Path(__file__).parent)
"""Programs that tests start find the same ``support`` package as the tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        reason = _missing(item)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


def _missing(item: pytest.Item) -> str:
    if item.get_closest_marker("root") and not IS_ROOT:
        return "needs root"
    if item.get_closest_marker("systemd"):
        return systemd_lab.why_not() or ""
    return ""

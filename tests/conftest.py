"""What can not be tried on every machine, and why it was not; and tests that hang."""

import os
import signal
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support import systemd_lab
from support.watchdog import TEARDOWN_S, Watchdog, alarm

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


WATCHDOG = pytest.StashKey[Watchdog]()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("timeout", None) != 0:  # as a campaign or a debugger wishes
        config.stash[WATCHDOG] = Watchdog()


def pytest_unconfigure(config: pytest.Config) -> None:
    # The interpreter waits for the threads that a failed test may have left.
    if watchdog := config.stash.get(WATCHDOG, None):
        watchdog.begin("the end of the run")


@pytest.fixture
def still_alive(request: pytest.FixtureRequest) -> Callable[[], None]:
    """To be called by a long test that gets on, lest it is taken for one that hangs."""

    def tell() -> None:
        if watchdog := request.config.stash.get(WATCHDOG, None):
            watchdog.end()
            watchdog.begin(request.node.nodeid)

    return tell


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    watchdog = item.config.stash.get(WATCHDOG, None)
    if watchdog is None:
        return (yield)
    watchdog.begin(item.nodeid)
    try:
        return (yield)
    finally:
        watchdog.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    if WATCHDOG not in item.config.stash:
        return (yield)
    with alarm(TEARDOWN_S, f"clearing away after {item.name}"):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and (watchdog := item.config.stash.get(WATCHDOG, None)):
        watchdog.failed(f"{report.nodeid} ({report.when})\n{report.longreprtext}")
    return report

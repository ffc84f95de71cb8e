"""``kanband``: the daemon's command line."""

import argparse
import asyncio
import faulthandler
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from kanban_ipc.layout import DAEMON_LOCK
from kanband import config as configuration
from kanband.config import Config, Flags
from kanband.errors import EXIT_USAGE, KanbandError
from kanband.shell.daemon import Kanband
from kanband.shell.doctor import examine
from kanband.shell.lock import HeldLock
from kanband.shell.succession import Preflight, replace
from kanband.shell.version import version
from kanband.store.copying import restore
from kanband.store.opening import check_schema


class _Parser(argparse.ArgumentParser):
    """Usage errors leave with 100, so that a service manager does not try again."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="kanband",
        description="Supervise coding agents: keep workers alive, hand them tickets.",
    )
    parser.add_argument("--config", metavar="FILE", help="configuration (TOML)")
    parser.add_argument("--state-dir", metavar="DIR", help="where everything is kept")
    parser.add_argument("--runtime-dir", metavar="DIR", help="where the sockets are")
    parser.add_argument("--mode", metavar="MODE", help="managed, standalone, inline")
    parser.add_argument("--workers", type=int, metavar="N", help="managed workers")
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="say whether the configuration is in order, and leave",
    )
    parser.add_argument(
        "--print-config",
        action="store_true",
        help="print the configuration in force, and leave",
    )
    parser.add_argument(
        "--doctor",
        action="store_true",
        help="examine an installation, print what was found as JSON, and leave",
    )
    parser.add_argument(
        "--preflight",
        action="store_true",
        help="say, as JSON, whether this version could take over here, and leave",
    )
    parser.add_argument(
        "--restore",
        metavar="FILE",
        help="put a backup in the store's place (the daemon must be down), and leave",
    )
    parser.add_argument("--version", action="version", version=f"kanband {version()}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon in the foreground; returns its exit code."""
    options = _parser().parse_args(argv)
    flags = Flags(
        config=options.config,
        state_dir=options.state_dir,
        runtime_dir=options.runtime_dir,
        mode=options.mode,
        workers=options.workers,
    )
    try:
        if options.restore:
            return _restore(configuration.load(flags, os.environ), options.restore)
        answer = _answer(options, flags)
        if answer is not None:
            return _say(answer)
        return _serve(lambda: configuration.load(flags, os.environ))
    except KanbandError as error:
        sys.stderr.write(f"kanband: {error}\n")
        return error.exit_code


def _answer(options: argparse.Namespace, flags: Flags) -> str | None:
    """What is only asked, and changes nothing; None: nothing is asked."""
    if options.check_config:
        configuration.load(flags, os.environ)
        return "the configuration is in order\n"
    if options.print_config:
        return configuration.print_config(configuration.load(flags, os.environ))
    if options.preflight:
        check_schema(configuration.load(flags, os.environ).db_file)
        return msgspec.json.encode(Preflight(version=version())).decode() + "\n"
    if options.doctor:
        return msgspec.json.encode(examine(flags, os.environ)).decode() + "\n"
    return None


def _restore(config: Config, file: str) -> int:
    """The old store is kept; the lock keeps a daemon away meanwhile."""
    configuration.prepare_places(config)
    lock = HeldLock(config.state_dir / DAEMON_LOCK)
    try:
        aside = restore(Path(file), config.db_file)
    finally:
        lock.release()
    kept = "" if aside is None else f"; what was there is now {aside}"
    return _say(f"{config.db_file} is {file} now{kept}. Start kanband again.\n")


def _say(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _serve(read_config: Callable[[], Config]) -> int:
    faulthandler.enable()  # the watchdog's SIGABRT shows where we are stuck
    gc.freeze()
    daemon = Kanband(read_config, os.environ)
    code = asyncio.run(daemon.run())
    if code == 0 and daemon.successor:
        try:
            replace(daemon.successor, asked_to_stop=daemon.life.stop_wanted)
        except OSError as error:
            raise KanbandError(
                f"{daemon.successor[0]} cannot be executed: {error}; workers and runs "
                "go on, start kanband again"
            ) from error
    return code


if __name__ == "__main__":
    sys.exit(main())

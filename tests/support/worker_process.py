"""A real worker process, started without the spawner; ``python -m`` runs one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from kanban_ipc.words import WorkerId
from kanban_worker.settings import WorkerSettings
from kanban_worker.shell.worker import run_worker


class WorkerProcess:
    """Its stderr goes to ``log_path``."""

    def __init__(self, settings: WorkerSettings, env: dict[str, str]) -> None:
        logs = Path(settings.state_dir) / "logs"
        logs.mkdir(exist_ok=True)
        self.log_path = logs / f"{settings.worker_id}.log"
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.worker_process"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(settings))
        self._process.stdin.close()
        self.pid = self._process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def wait(self, within_s: float = 20.0) -> int:
        return self._process.wait(within_s)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None


def settings(
    state_dir: Path, endpoint: str, incarnation: str, slots: int = 4
) -> WorkerSettings:
    return WorkerSettings(
        worker_id=WorkerId("worker-1"),
        incarnation=incarnation,
        secret="a secret",
        state_dir=str(state_dir),
        link_endpoint=endpoint,
        slots=slots,
    )


if __name__ == "__main__":
    sys.exit(
        run_worker(msgspec.json.decode(sys.stdin.buffer.read(), type=WorkerSettings))
    )

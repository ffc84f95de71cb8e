"""A version of kanband that can be installed while another one runs.

``kanban_ipc`` says which version a program is. A copy of that package comes first on
the path of everything that a system starts, and says what a test wants it to.
"""

import os
import shutil
from pathlib import Path

import kanban_ipc
from support.system import System


class Installation:
    """What a system's programs are of now."""

    def __init__(self, system: System, root: Path, version: str) -> None:
        """To be made before the system starts."""
        package = root / "kanban_ipc"
        shutil.copytree(Path(kanban_ipc.__file__).parent, package)
        self._file = package / "version.py"
        self.install(version)
        others = os.environ.get("PYTHONPATH", "")
        path = os.pathsep.join(filter(None, (str(root), others)))
        # No compiled files: one of the same second and size would hide the other.
        system.extra |= {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def install(self, version: str) -> None:
        """From now on what starts is of this version."""
        self._write(f'VERSION = "{version}"\n')

    def spoil(self, error: str) -> None:
        """From now on nothing starts."""
        self._write(f'raise ImportError("{error}")\n')

    def _write(self, text: str) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(text)
        draft.rename(self._file)

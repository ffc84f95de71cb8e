"""A version of kanband that can be installed while another one runs.

``kanban_ipc`` says which version a program is. A copy of that package, first on the
path of everything that is started, says what a test wants it to.
"""

import os
import shutil
from pathlib import Path

import kanban_ipc


class Installation:
    """What programs are of now."""

    def __init__(self, root: Path, version: str) -> None:
        """Versions of other lengths are to follow: of two compiled files of the same
        second and size the older would be taken."""
        package = root / "kanban_ipc"
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(kanban_ipc.__file__).parent, package, ignore=compiled)
        self._file = package / "version.py"
        self.install(version)
        others = os.environ.get("PYTHONPATH", "")
        self.path = os.pathsep.join(filter(None, (str(root), others)))
        """The ``PYTHONPATH`` of what is to be of the version installed here."""

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

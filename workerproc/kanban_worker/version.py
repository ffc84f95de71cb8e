"""The installed version, read once (by the spawner, for all its workers)."""

from importlib import metadata
from typing import Final


def _installed() -> str:
    try:
        return metadata.version("kanband")
    except metadata.PackageNotFoundError:  # run from a source tree
        return ""


PROGRAM_VERSION: Final = _installed()

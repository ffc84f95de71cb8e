"""Which kanband this is."""

import functools
from importlib import metadata
from typing import Final

UNKNOWN: Final = "0+unknown"
"""A source tree on the path that nobody installed."""


@functools.cache
def version() -> str:
    """The version of the installed distribution."""
    try:
        return metadata.version("kanband")
    except metadata.PackageNotFoundError:
        return UNKNOWN

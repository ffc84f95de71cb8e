"""Paths as people write them, made absolute; no file is touched."""

import os

from kanbanctl.failures import BadInput


class NoSuchUser(ValueError):
    """``~name`` names nobody."""


def absolute(path: str, base_dir: str) -> str:
    """``~`` and what is relative to ``base_dir`` resolved. Raises ``NoSuchUser``."""
    told = os.path.expanduser(path)  # noqa: PTH111 (a text, not a file)
    if path.startswith("~") and told == path:
        user = path.split("/", 1)[0]
        raise NoSuchUser(f"{user} is nobody's home here; write ./{path} for a folder")
    return os.path.normpath(os.path.join(base_dir, told))  # noqa: PTH118 (as above)


def working_directory() -> str:
    """Where we are. Raises ``BadInput`` when that is no more."""
    try:
        return os.getcwd()  # noqa: PTH109 (as above)
    except FileNotFoundError as error:
        raise BadInput(
            "the working directory does not exist any more; go to one that does."
        ) from error

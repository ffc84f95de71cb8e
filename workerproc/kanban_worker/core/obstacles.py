"""What may stand in the way of a start: for good, or for now.

Decided here: by which errors of the system a program can never be started until
somebody mends the ticket, its profile or its repository. All others (no memory, no
process, no descriptor, no space left, a program that is just being written, a disk that
does not answer) say something of the machine at that moment: they pass, and cost the
ticket nothing but time.
"""

import errno
from typing import Final

LASTING: Final = frozenset({
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EACCES,
    errno.EPERM,
    errno.ENOEXEC,
    errno.ELIBBAD,
    errno.E2BIG,
    errno.EINVAL,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EROFS,
})  # fmt: skip
"""Of execve(2), chdir(2) and open(2), those that depend on names and files alone."""


def lasts(number: int | None) -> bool:
    """Whether trying again cannot help."""
    return number in LASTING

"""What may go wrong with the store. Root: ``StoreError``.

``StoreRefused`` and its kinds are said when it is opened; the others when it is used.
Outcomes that are to be expected (stale, locked, not found) are values, not errors.
"""

from kanband.errors import EXIT_SYSTEM, EXIT_USAGE, KanbandError


class StoreError(KanbandError):
    """Root of the store's errors."""


class StoreRefused(StoreError):
    """The store cannot be used as it is; never answered by starting an empty one."""

    exit_code = EXIT_USAGE
    """Starting again cannot mend it, so a service manager shall not try."""


class StoreDamaged(StoreRefused):
    """The file is not a whole store of ours."""


class StoreNewer(StoreRefused):
    """A newer version of the program wrote it."""


class StoreLocked(StoreRefused):
    """Another process holds it."""

    exit_code = EXIT_SYSTEM


class StoreUnreachable(StoreRefused):
    """Its directory or file is missing, or may not be read or written."""


class StoreUnready(StoreRefused):
    """Its disk is full, read-only or failing, or files are short: all of that may have
    passed at the next start."""

    exit_code = EXIT_SYSTEM


class CopyRefused(KanbandError):
    """A backup could not be made or put back; the store itself is as it was."""

    exit_code = EXIT_USAGE


class StoreFailed(StoreError):
    """The disk or the database refused; nothing of the call was kept."""


class StoreBusy(StoreError):
    """Too many calls are waiting; the caller should try later."""


class StoreClosed(StoreFailed):
    """The store is being closed, or is closed; the call was not carried out."""

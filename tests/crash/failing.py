"""The n-th input or output of the store fails: once, or from then on.

All but syncs fail at the system call, with an ``errno`` as the kernel gives it
(``sqlite3_vfs.xSetSystemCall``), so that what SQLite makes of it is tried as well: the
database, its log and the log's index in shared memory. Syncs are not among the calls
that can be replaced; they fail in a VFS of ours, whose exceptions APSW raises even from
a close, where SQLite itself swallows them: so they are well again when a store closes.
"""

import ctypes
import errno
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple

import apsw

Kind = Literal["write", "sync", "truncate", "open", "unlink", "map", "read"]

_BASE: Final = "unix"
_OURS: Final = "failing"
_INT, _SIZE, _POINTER = ctypes.c_int, ctypes.c_ssize_t, ctypes.c_void_p
_OFFSET: Final = ctypes.c_int64
_CALLS: Final[dict[str, tuple[Kind, Any, tuple[Any, ...]]]] = {
    "open": ("open", _INT, (_POINTER, _INT, _INT)),
    "read": ("read", _SIZE, (_INT, _POINTER, _SIZE)),
    "pread64": ("read", _SIZE, (_INT, _POINTER, _SIZE, _OFFSET)),
    "write": ("write", _SIZE, (_INT, _POINTER, _SIZE)),
    "pwrite64": ("write", _SIZE, (_INT, _POINTER, _SIZE, _OFFSET)),
    "ftruncate": ("truncate", _INT, (_INT, _OFFSET)),
    "unlink": ("unlink", _INT, (_POINTER,)),
    "mmap": ("map", _POINTER, (_POINTER, _SIZE, _INT, _INT, _INT, _OFFSET)),
}
_FAILED: Final = {_POINTER: ctypes.c_void_p(-1).value}
"""What a call of this type returns then; the others, -1."""


class Fault(NamedTuple):
    kind: Kind
    number: int
    errno: int
    """How it is called in errno(3)."""
    for_ever: bool

    def __str__(self) -> str:
        lasting = "from then on" if self.for_ever else "once"
        name = errno.errorcode[self.errno]
        return f"{self.kind} number {self.number} fails with {name}, {lasting}"


class Faults:
    """Counts what is asked of the disk, and decides what fails."""

    def __init__(self, fault: Fault | None) -> None:
        self._fault = fault
        self.counts: Counter[str] = Counter()
        self.struck = 0

    @property
    def of_syncs(self) -> bool:
        return self._fault is None or self._fault.kind == "sync"

    def begin(self, kind: Kind, code: int) -> None:
        """From now on calls of this kind fail."""
        self._fault = Fault(kind, self.counts[kind], code, for_ever=True)

    def mend(self) -> None:
        """Nothing fails any more."""
        self._fault = None

    def closing(self) -> None:
        """See the module's docstring."""
        if self._fault is not None and self._fault.kind == "sync":
            self.mend()

    def strikes(self, kind: Kind) -> int:
        """The errno of the call that is made now; 0: it is well."""
        number = self.counts[kind]
        self.counts[kind] += 1
        fault = self._fault
        if fault is None or fault.kind != kind or number < fault.number:
            return 0
        if number > fault.number and not fault.for_ever:
            return 0
        self.struck += 1
        return fault.errno


@contextmanager
def failing(fault: Fault | None) -> Iterator[Faults]:
    """Every connection that is opened inside meets this fault."""
    faults = Faults(fault)
    vfs = _Vfs(faults)
    replaced = [
        (name, _replacement(vfs.xGetSystemCall(name), call, faults))
        for name, call in _CALLS.items()
        if vfs.xGetSystemCall(name)
    ]
    for name, call in replaced:
        address = ctypes.cast(call, ctypes.c_void_p).value
        assert address is not None
        vfs.xSetSystemCall(name, address)
    if faults.of_syncs:
        apsw.set_default_vfs(_OURS)
    try:
        yield faults
    finally:
        for name, _call in replaced:
            vfs.xSetSystemCall(name, 0)
        apsw.set_default_vfs(_BASE)
        vfs.unregister()


def _replacement(
    address: int | None, replaced: tuple[Kind, Any, tuple[Any, ...]], faults: Faults
) -> Any:
    kind, result, arguments = replaced
    prototype = ctypes.CFUNCTYPE(result, *arguments, use_errno=True)
    real: Callable[..., Any] = prototype(address or 0)

    def call(*values: Any) -> Any:
        if number := faults.strikes(kind):
            ctypes.set_errno(number)
            return _FAILED.get(result, -1)
        return real(*values)

    return prototype(call)


class _Vfs(apsw.VFS):
    def __init__(self, faults: Faults) -> None:
        super().__init__(_OURS, _BASE)
        self._faults = faults

    def xOpen(  # noqa: N802 - SQLite's word
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        return _File(self._faults, name, flags)


class _File(apsw.VFSFile):
    def __init__(
        self, faults: Faults, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        super().__init__(_BASE, name, flags)
        self._faults = faults

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._faults.strikes("sync"):
            raise apsw.IOError("disk I/O error")
        super().xSync(flags)

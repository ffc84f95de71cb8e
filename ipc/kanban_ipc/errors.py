"""What may go wrong between programs. Root: ``IpcError``.

The peer's faults are ``PeerError`` (answer it, drop it, go on); ours are
``ProtocolBug`` (we were about to send what we may not).
"""


class IpcError(Exception):
    """Root of this package's errors."""


class PeerError(IpcError):
    """The peer sent what the protocol does not allow."""


class ProtocolBug(IpcError):
    """We tried to send what the protocol does not allow."""

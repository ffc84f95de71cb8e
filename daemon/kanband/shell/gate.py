"""Who may say that it is a worker of ours.

Absent: what a worker that was let in may say (``reception``).
"""

from kanban_ipc.link import Hello, Refused
from kanband.shell.incarnation import proves
from kanband.shell.member import Member


def verify(hello: Hello, member: Member | None) -> Refused | None:
    """Why not; None: it is the incarnation that lives (or may: in doubt) and has its
    secret. The order matters: an outsider learns no more than that he is one."""
    name = hello.worker_id
    if member is None:
        return Refused(
            code="unknown_worker",
            reason=f"there is no worker {name} here; start it with "
            f"kanbanctl start-worker {name}",
        )
    current = member.body.now is not None or member.state == "UNKNOWN"
    if not current or member.row.incarnation != hello.incarnation:
        return Refused(
            code="fenced",
            reason=f"{name} was started anew or stopped since this process was "
            "started; its runs are not this one's any more",
        )
    if not proves(hello.secret, member.row.secret_sha256):
        return Refused(code="secret", reason="not the secret it was started with")
    return None

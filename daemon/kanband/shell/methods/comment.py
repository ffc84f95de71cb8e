"""``Comment``: words about tickets."""

from kanban_ipc.bounds import COMMENT_BYTES_MAX
from kanban_ipc.control import CommentCall, CommentReply
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.denied import sorted_out
from kanband.shell.ports import Daemon


async def comment(daemon: Daemon, call: CommentCall) -> CommentReply:
    """Kept as they are; nothing is started or moved by them."""
    ids = check_ids(call.ids)
    check_body(call.body_md)
    now_ms = daemon.clock.now_ms()
    answers = await daemon.store.do(
        lambda verbs: verbs.comment(
            ids, call.body_md, author=call.author, now_ms=now_ms
        )
    )
    comments, denied = sorted_out(ids, answers)
    return CommentReply(comments=comments, refused=denied)


def check_body(text: str) -> None:
    """Some text, and not too much."""
    if not text.strip():
        raise invalid("body_md", "is empty; say something")
    if "\0" in text:
        raise invalid("body_md", "contains a NUL character; remove it")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > COMMENT_BYTES_MAX:
        raise invalid("body_md", f"is {size} bytes; allowed: {COMMENT_BYTES_MAX}")

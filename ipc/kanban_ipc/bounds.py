"""Every limit on what one program accepts from another.

A full buffer answers or refuses; it never grows. Each number says its reason.
"""

from typing import Final

LINK_VERSION: Final = 1
"""Major version of the link. Fields are appended within one: see ``frames``."""
LINK_VERSION_OLDEST: Final = 1
"""A daemon talks to this one, too: the one before its own, as soon as there is one. Who
is older, or newer than the daemon, is sent away, and replaced where we started it."""

LINK_MESSAGE_BYTES_MAX: Final = 1 << 20
"""One encoded message on the link. The largest is an assignment: a ticket's texts
(``TICKET_TEXT_BYTES_MAX``) with its comments; a diff stays on disk."""
LINK_FRAME_BYTES_MAX: Final = LINK_MESSAGE_BYTES_MAX + 8
"""One frame: messages of together at most that size, and how many they are."""
LINK_MESSAGES_MAX: Final = 64
"""Messages in one frame; ZeroMQ's high-water marks count frames."""
LINK_FRAMES_PER_TURN_MAX: Final = 512
"""Frames taken from the socket in one turn of the loop, so that a flood on the
link cannot starve the control socket."""
LINK_RECEIVE_HWM: Final = 100
"""Frames of one peer that wait to be read; then its own queue fills. A worker has a
few on the way at most; with ZeroMQ's default (1,000) a flood was seen to cost 8 MiB."""
LINK_HWM: Final = 1_000
"""ZeroMQ's own default high-water mark, stated."""

CONTROL_REQUEST_BYTES_MAX: Final = 8 << 20
"""One Varlink call: an ``import`` of 10,000 tickets comes in pages well below it."""
AGENT_REQUEST_BYTES_MAX: Final = 128 << 10
"""One call on agent.sock: a question with its choices, every character escaped."""
CONTROL_CONNECTIONS_MAX: Final = 512
CONTROL_CALLS_QUEUED_MAX: Final = 32
"""Pipelined calls waiting on one connection; reading stops there."""
CONTROL_BACKLOG_BYTES_MAX: Final = 4 << 20
"""Replies a slow client has not read; past it a stream drops the client."""
CONTROL_IDLE_PARTIAL_S: Final = 10.0
"""How long a half-sent request may hold its connection."""

SLOTS_MAX: Final = 256
"""Of one worker. Each free one is a run id and a row in the next claim."""

SPAWNER_MESSAGE_BYTES_MAX: Final = 64 << 10

TICKET_TITLE_CHARS_MAX: Final = 500
TICKET_TEXT_BYTES_MAX: Final = 256 << 10
"""Description and instructions, each. GitHub's issue bodies end at 64 KiB."""
COMMENT_BYTES_MAX: Final = 64 << 10
"""As long as GitHub's."""
COMMENTS_SHOWN_MAX: Final = 100
"""With a ticket, the latest: a few megabytes at the very most."""
REASON_CHARS_MAX: Final = 2_000
"""Why a ticket is blocked: it is said in a line."""
LABELS_MAX: Final = 50
LABEL_CHARS_MAX: Final = 100
DEPENDENCIES_MAX: Final = 100
IMPORT_TICKETS_MAX: Final = 2_000
"""Tickets in one ``Import`` call; the client sends pages."""
LIST_LIMIT_MAX: Final = 1_000
SUMMARY_BYTES_MAX: Final = 64 << 10
RUN_OUTPUT_BYTES_MAX: Final = 1 << 20
"""What a call of kind ``python`` may return beside its summary, as JSON; a part of one
answer on the control socket, well below its backlog."""
MESSAGE_CHARS_MAX: Final = 4_000
STEP_CHARS_MAX: Final = 200
STEPS_MAX: Final = 1_000_000
"""That a run may say it has."""
CHOICES_MAX: Final = 20
CHOICE_CHARS_MAX: Final = 200
EXCHANGES_MAX: Final = 10
"""Questions with their answers that an assignment carries, the latest: with two texts
of ``MESSAGE_CHARS_MAX`` each they leave room for a ticket's longest texts."""
LINES_SAID_MAX: Final = 10_000
"""Of a run's execution log, by its own agent; more of it belongs into its output."""
FILES_CHANGED_MAX: Final = 2_000
"""Changed files named in a result; the count is always whole."""
STREAM_CHUNK_BYTES_MAX: Final = 256 << 10
SOCKET_PATH_BYTES_MAX: Final = 107
"""``sun_path`` is 108 bytes with its NUL: unix(7)."""

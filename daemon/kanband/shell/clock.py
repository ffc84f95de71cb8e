"""The machine's clocks, and a loop's own sense of having been away."""

import time


class SystemClock:
    """What ``ports.Clock`` asks for, from the kernel."""

    def monotonic(self) -> float:
        """Seconds since some moment; not set back by anybody."""
        return time.monotonic()

    def now_ms(self) -> int:
        """Wall time, integer milliseconds UTC; for people, schedules and due times."""
        return time.time_ns() // 1_000_000

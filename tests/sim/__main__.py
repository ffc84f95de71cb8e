"""``PYTHONPATH=tests python -P -m sim SEED [SEED]``: live through seeds, and tell.

With one seed: what came of it, and if something was wrong, the shortest story of it.
With two: every seed from the first up to the second, one JSON line each.
"""

import json
import sys

from sim.story import shrink, told
from sim.world import Outcome, simulate


def line_of(outcome: Outcome) -> str:
    """For who adds up."""
    return json.dumps(
        {
            "seed": outcome.seed,
            "violations": outcome.violations,
            "digest": outcome.digest,
            "hours": outcome.hours,
            "entries": outcome.entries,
            "runs": outcome.runs,
            "counts": outcome.counts,
            "faults": outcome.faults,
        }
    )


def main(first: int, end: int | None) -> int:
    if end is not None:
        for seed in range(first, end):
            print(line_of(simulate(seed)), flush=True)  # noqa: T201
        return 0
    outcome = simulate(first)
    if not outcome.violations:
        print(line_of(outcome))  # noqa: T201
        return 0
    print(told(first, *shrink(first, outcome)))  # noqa: T201
    return 1


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:3]]
    sys.exit(main(numbers[0], numbers[1] if len(numbers) > 1 else None))

"""ARCHITECTURE.md's state diagrams, drawn from the tables that the program obeys.

``python -m support.diagrams`` (``make diagrams``) writes them; a test compares.
"""

import re
from pathlib import Path

from kanband.core import tickets, workers
from kanband.core.diagram import mermaid

PAGE = Path(__file__).parents[2] / "ARCHITECTURE.md"

DIAGRAMS = {
    "ticket-states": mermaid(
        "A ticket's states, as the system moves them",
        [
            (source, target, "")
            for source, targets in tickets.SYSTEM.items()
            for target in sorted(targets)
        ],
    ),
    "worker-states": mermaid(
        "A worker's states",
        [(source, target, event) for source, event, target in workers.EDGES],
    ),
}


def redrawn(page: str) -> str:
    """The page with every diagram between its markers as it should be."""
    for name, drawing in DIAGRAMS.items():
        place = re.search(rf"<!-- {name}:.*? -->\n(.*?)<!-- end -->", page, re.DOTALL)
        if place is None:
            raise ValueError(f"{PAGE.name} has no place for {name}")
        fence = f"```mermaid\n{drawing}```\n"
        page = page[: place.start(1)] + fence + page[place.end(1) :]
    return page


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text("utf-8")), "utf-8")

"""State diagrams as Mermaid text, drawn from the tables that the program obeys."""

from collections.abc import Iterable


def mermaid(title: str, edges: Iterable[tuple[str, str, str]]) -> str:
    """A ``stateDiagram-v2`` of (from, to, label) edges, in the order they come.

    Labels of the same edge are joined; an empty label is none. ``[*]`` is the start
    or the end. The text ends with a newline and carries no code fence.
    """
    labels: dict[tuple[str, str], list[str]] = {}
    for source, target, label in edges:
        of_edge = labels.setdefault((source, target), [])
        if label and label not in of_edge:
            of_edge.append(label)
    lines = [f"    {_arrow(*edge)}{_label(words)}" for edge, words in labels.items()]
    head = ["---", f"title: {title}", "---", "stateDiagram-v2"]
    return "\n".join([*head, *lines, ""])


def _arrow(source: str, target: str) -> str:
    return f"{source} --> {target}"


def _label(words: list[str]) -> str:
    return f": {', '.join(words)}" if words else ""

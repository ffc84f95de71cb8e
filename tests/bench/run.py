"""Measure: ``make bench``, or some of it: ``make bench BENCH_ARGS='drain status'``.

Prints one table and one line of JSON for each figure. Figures are compared within one
run only: the machine drifts more than the code does.
"""

import argparse
import compileall
import os
import sys
from collections.abc import Callable, Iterator, Mapping

import kanban_ipc
import kanban_worker
import kanbanctl
import kanband
from bench import board, chains, drain, memory, pickup, restart, status
from bench.figure import Figure, as_json, machine, table

BENCHES: Mapping[str, Callable[[], Iterator[Figure]]] = {
    "pickup": pickup.measure,
    "drain": drain.measure,
    "restart": restart.measure,
    "status": status.measure,
    "board": board.measure,
    "chains": chains.measure,
    "memory": memory.measure,
}


def start_as_people_do() -> None:
    """Nobody's programs are compiled anew at each start; where bytecode is not written,
    ours would be, from the sources of an editable install."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for package in (kanban_ipc, kanban_worker, kanband, kanbanctl):
        for folder in package.__path__:
            compileall.compile_dir(folder, quiet=1)


def main() -> int:
    """Always 0: a slow machine is not an error."""
    options = argparse.ArgumentParser(description=__doc__)
    # argparse compares an empty list with the choices, too.
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    names = options.parse_args().names or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        options.error(
            f"there is no {', '.join(unknown)}; there is {', '.join(BENCHES)}"
        )
    start_as_people_do()
    print(machine())
    figures: list[Figure] = []
    for name in names:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        figures += BENCHES[name]()
    print("\n".join(table(figures)))
    for figure in figures:
        print(as_json(figure))
    return 0


if __name__ == "__main__":
    sys.exit(main())

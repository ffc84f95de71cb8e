"""A measured figure, as a line of the table and as a line of JSON."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple


class Figure(NamedTuple):
    """One figure with its conditions."""

    name: str
    unit: str
    values: Sequence[float]
    aim: float | None = None
    better: Literal["less", "more"] = "less"
    conditions: str = ""

    @property
    def median(self) -> float:
        """Of all values."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """Whether the aim is met; empty without one."""
        if self.aim is None:
            return ""
        if self.better == "less":
            return "met" if self.median <= self.aim else "missed"
        return "met" if self.median >= self.aim else "missed"


def table(figures: Sequence[Figure]) -> Iterable[str]:
    """Lines for people."""
    row = "{:<52}{:>11}  {:<24}{:>4}  {:<12}{}".format
    yield row("figure", "median", "range", "n", "aim", "")
    for figure in figures:
        low, high = min(figure.values), max(figure.values)
        sign = "<=" if figure.better == "less" else ">="
        yield row(
            figure.name,
            f"{figure.median:,.4g} {figure.unit}",
            f"{low:,.4g} … {high:,.4g}",
            len(figure.values),
            "" if figure.aim is None else f"{sign} {figure.aim:g}",
            figure.verdict,
        )
        if figure.conditions:
            yield f"    {figure.conditions}"


def as_json(figure: Figure) -> str:
    """One line for machines."""
    return json.dumps(
        {
            "bench": figure.name,
            "unit": figure.unit,
            "median": round(figure.median, 4),
            "values": [round(value, 4) for value in figure.values],
            "aim": figure.aim,
            "better": figure.better,
            "verdict": figure.verdict,
            "conditions": figure.conditions,
            "load": os.getloadavg()[0],
        },
    )


def machine() -> str:
    """What all figures of a run have in common."""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"Linux {platform.release()}, {os.cpu_count()} CPUs, "
        f"load {os.getloadavg()[0]:.2f}"
    )

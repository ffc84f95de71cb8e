"""A configuration file from dotted names: ``{"workers.grace_s": 1}``."""

import json
from collections import defaultdict
from collections.abc import Mapping

Setting = str | int | float | bool | list[str]

BRISK: Mapping[str, Setting] = {
    "workers.grace_s": 1,
    "workers.stop_timeout_s": 5,
    "workers.backoff_initial_s": 0.02,
    "retries.initial_s": 0.2,
}
"""Short patience: a test shows in seconds a rule that people live in minutes."""


def toml(settings: Mapping[str, Setting]) -> str:
    """The text of ``kanban.toml``. JSON's scalars and lists are TOML's, too."""
    tables: dict[str, list[str]] = defaultdict(list)
    for name, value in settings.items():
        table, _, key = name.rpartition(".")
        tables[table].append(f"{key} = {json.dumps(value)}\n")
    return "".join(
        (f"[{table}]\n" if table else "") + "".join(lines)
        for table, lines in sorted(tables.items())
    )

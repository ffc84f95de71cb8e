"""The daemon's configuration: one frozen struct, parsed and checked once.

Only this package reads the environment and the configuration file.

* ``sections``: the keys, their defaults and their ranges;
* ``sources``: kanban.toml < environment < flags, each as a layer that knows where
  its values stand (``lines`` finds the line in the file);
* ``check``: a layer's values against the keys, every fault at once;
* ``places``: where state, sockets and the file itself are;
* ``profiles``: what a run needs to know of an agent, and what ``any`` means;
* ``load`` puts them together, ``printed`` writes the result down again;
* ``programs``: where a profile's program is;
* ``difference``: what another configuration changes, and from when on.
"""

from kanband.config.difference import Change, difference, take_over
from kanband.config.load import Flags, load, places_of
from kanband.config.places import prepare_places
from kanband.config.printed import print_config
from kanband.config.profiles import (
    BUILT_IN,
    agent_for_run,
    claim_policy,
    default_agent,
    limits_for,
    on_success,
    resolve_agent,
    retry_policy,
)
from kanband.config.programs import Program, program_of
from kanband.config.sections import (
    AgentConfig,
    Config,
    LeaseConfig,
    LimitsConfig,
    Mode,
    QueueConfig,
    RetriesConfig,
    WorkersConfig,
)

__all__ = [
    "BUILT_IN",
    "AgentConfig",
    "Change",
    "Config",
    "Flags",
    "LeaseConfig",
    "LimitsConfig",
    "Mode",
    "Program",
    "QueueConfig",
    "RetriesConfig",
    "WorkersConfig",
    "agent_for_run",
    "claim_policy",
    "default_agent",
    "difference",
    "limits_for",
    "load",
    "on_success",
    "places_of",
    "prepare_places",
    "print_config",
    "program_of",
    "resolve_agent",
    "retry_policy",
    "take_over",
]

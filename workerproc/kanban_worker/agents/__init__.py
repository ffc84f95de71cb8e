"""Agents: one module for each kind of ``kanban_ipc.words.AgentKind``.

A kind that runs a program (``shell``, and every coding CLI to come) is a
``kanban_worker.agents.program.Program``: it says what to start and how to read the
way it ended, and never starts anything itself. The kind ``python`` runs inside the
worker. A new kind is a module here and a line in ``kinds.PROGRAMS``.
"""

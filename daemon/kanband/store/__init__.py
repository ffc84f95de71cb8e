"""Persistence: verbs over SQLite, their in-memory model, and the writer's thread.

``verbs`` is the contract; ``sqlite`` and ``model`` keep it; ``writer`` is how the
daemon uses it; ``opening`` decides which file may be used at all.
"""

"""Git as the worker uses it: the repository's lock, worktrees, commits, diffs."""

"""Tickets that Python functions do."""

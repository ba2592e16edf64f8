"""Watches that outlive their connection."""

from ._watch import follow_log, resume

__all__ = ["follow_log", "resume"]

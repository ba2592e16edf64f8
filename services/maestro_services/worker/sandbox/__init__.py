"""Separates the processes of an action from their host, and says how far that went."""

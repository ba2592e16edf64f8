"""The execution service: runs, their workers, what they produced and what they found out."""

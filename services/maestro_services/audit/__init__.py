"""The audit service: a transparency log of what was done, for each project."""

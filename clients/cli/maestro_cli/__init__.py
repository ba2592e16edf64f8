"""The `maestro` command. Modules import what is heavy where it is used: `maestro --help` loads click alone."""

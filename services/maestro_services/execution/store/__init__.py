"""The statements of the execution service; they speak domain objects."""

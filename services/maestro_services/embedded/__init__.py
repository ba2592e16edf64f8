"""All five services in one process, with workers beside it: what `maestro up` starts."""

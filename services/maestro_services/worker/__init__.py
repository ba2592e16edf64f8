"""The process that executes actions: a client of the execution service's WorkerService."""

"""Async, typed client of the MAESTRO software-quality platform."""

"""The search for edits that make failing tests pass.

A program of its own: it is added to the input tree of a run and executed there by a worker, with the project's own
Python and pytest. It imports only the standard library and pytest, and the service never imports it.
"""

"""Renders templates in a child process that has nothing but the template, under limits on all it could use."""

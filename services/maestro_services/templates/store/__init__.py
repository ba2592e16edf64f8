"""Keeps templates, their versions and files, and finds them by words."""

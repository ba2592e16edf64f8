"""Templates: immutable versions of project templates, their search, and their rendering in a child process."""

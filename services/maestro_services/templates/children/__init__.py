"""Work on what is not trusted, in processes of its own: how they are started, what they speak, what they do."""

"""Who serves the mesh, and whom tokens stand for."""

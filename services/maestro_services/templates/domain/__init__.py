"""What templates are and what keeps them safe; standard library and runtime errors only."""

"""What runs, actions, tests and trees are, and the rules they keep."""

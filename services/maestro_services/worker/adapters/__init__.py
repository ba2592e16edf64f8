"""How each kind of plan is run, and what is made of how it ends."""

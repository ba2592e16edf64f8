"""Events, the Merkle tree over them, and its tiles. Standard library only."""

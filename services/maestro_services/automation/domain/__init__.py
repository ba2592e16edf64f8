"""What a repair is and how it goes: no storage, no network."""

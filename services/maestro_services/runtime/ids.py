"""Identifiers: sortable ones for names, random ones that are never used again."""

import os
import time
import uuid

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"


def _base32(value: int, length: int) -> str:
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(5 * (length - 1), -1, -5))


def new_id() -> str:
    """An id of 20 characters `0-9a-v` that sorts by creation: 50 bits of milliseconds, 50 random bits."""
    random = int.from_bytes(os.urandom(7), "big") & ((1 << 50) - 1)
    return _base32(time.time_ns() // 1_000_000, 10) + _base32(random, 10)


def new_uid() -> str:
    """A UUID of version 4."""
    return str(uuid.uuid4())

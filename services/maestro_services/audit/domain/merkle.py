"""RFC 6962 trees: their roots while they grow, and which subtrees a proof is made of.

A subtree is named by the range of leaves that it spans; a node is a perfect one. What reads or stores hashes is told
which it needs, so that nothing here knows where they are kept. Verification is in `maestro_client.transparency`:
whoever verifies must not need this service.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()


class Range(NamedTuple):
    """The leaves from `start` to before `end`."""

    start: int
    end: int


class Node(NamedTuple):
    """The perfect subtree of 2**height leaves at `position`, from 0, among those of its height."""

    height: int
    position: int


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The roots of the perfect subtrees that a tree of so many leaves falls into: all that its growth needs."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)

    def append(self, leaf: bytes) -> None:
        """Adds the hash of the next leaf."""
        value, height = leaf, 0
        while self.size >> height & 1:
            value = node_hash(self._hashes.pop(), value)
            height += 1
        self._hashes.append(value)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree so far."""
        return fold(self._hashes)


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root above perfect subtrees that stand side by side, the largest on the left."""
    if not hashes:
        return EMPTY_ROOT
    value = hashes[-1]
    for left in reversed(hashes[:-1]):
        value = node_hash(left, value)
    return value


def nodes(subtree: Range) -> list[Node]:
    """The perfect subtrees of a subtree, from left to right."""
    found, start = [], subtree.start
    while start < subtree.end:
        height = (subtree.end - start).bit_length() - 1
        found.append(Node(height, start >> height))
        start += 1 << height
    return found


def inclusion_path(index: int, size: int) -> list[Range]:
    """The subtrees whose roots prove that a leaf is in a tree, from the leaf's sibling upward."""
    path, tree = [], Range(0, size)
    while tree.end - tree.start > 1:
        left, right = _halves(tree)
        tree, sibling = (left, right) if index < left.end else (right, left)
        path.append(sibling)
    return path[::-1]


def consistency_path(subtree: Range, size: int) -> list[Range]:
    """The subtrees whose roots prove that a tree has this subtree; Range(0, n) asks for consistency with size n."""
    path, tree = [], Range(0, size)
    start, known = subtree.start, True
    while tree != (start, subtree.end):
        left, right = _halves(tree)
        if subtree.end <= left.end:
            tree, sibling = left, right
        else:
            # Where the subtree reaches over the middle, its left half is a node of the tree, and goes on in the right.
            known = known and start >= left.end
            tree, sibling, start = right, left, max(start, right.start)
        path.append(sibling)
    return path[::-1] if known else [tree, *path[::-1]]


def _halves(tree: Range) -> tuple[Range, Range]:
    middle = tree.start + (1 << (tree.end - tree.start - 1).bit_length() - 1)
    return Range(tree.start, middle), Range(middle, tree.end)


def root_of(subtree: Range, hash_of: Callable[[Node], bytes]) -> bytes:
    """The root of a subtree, from the hashes of its perfect subtrees."""
    return fold([hash_of(node) for node in nodes(subtree)])

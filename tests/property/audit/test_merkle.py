"""The tree against the definitions of RFC 6962, written down naively."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maestro_client.transparency import (
    EMPTY_ROOT,
    VerificationError,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from maestro_services.audit.domain.merkle import CompactRange, Range, consistency_path, inclusion_path
from maestro_services.audit.domain.tiles import TileHashes, TileId, TileWriter, edge

LEAVES = [leaf_hash(str(number).encode()) for number in range(1100)]
SIZES = st.one_of(st.integers(1, 40), st.integers(200, 600), st.integers(1000, 1100))


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(naive_root(leaves[:middle]), naive_root(leaves[middle:]))


def grown(size: int) -> dict[TileId, bytes]:
    tree = TileWriter()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    return tree.finish()


TILES = TileHashes(grown(len(LEAVES)))


def prove(path: list[Range]) -> list[bytes]:
    return [TILES.root(subtree) for subtree in path]


@given(SIZES)
def test_a_compact_range_has_the_root_of_the_definition(size: int) -> None:
    tree = CompactRange()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    assert tree.root() == naive_root(LEAVES[:size])


@given(SIZES)
def test_tiles_of_a_larger_tree_give_the_root_of_every_smaller_one(size: int) -> None:
    assert TILES.root(Range(0, size)) == naive_root(LEAVES[:size])


@given(SIZES, SIZES)
def test_a_tree_that_goes_on_from_its_stored_edge_is_the_same_tree(first: int, more: int) -> None:
    size = min(first + more, len(LEAVES))
    stored = grown(first)
    tree = TileWriter(first, {tile: stored[tile] for tile in edge(first)})
    for leaf in LEAVES[first:size]:
        tree.append(leaf)
    assert stored | tree.finish() == grown(size)
    assert tree.root() == naive_root(LEAVES[:size])


@given(st.data(), SIZES)
def test_inclusion_proofs_verify_and_break_with_every_change(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = prove(inclusion_path(index, size)), naive_root(LEAVES[:size])
    verify_inclusion(LEAVES[index], index, size, proof, root)
    with pytest.raises(VerificationError):
        verify_inclusion(LEAVES[index], index, size, [*proof, root], root)
    with pytest.raises(VerificationError):
        verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda other: other != index or size == 1))
    if other != index:
        with pytest.raises(VerificationError):
            verify_inclusion(LEAVES[index], other, size, proof, root)


@given(st.data(), SIZES)
def test_consistency_proofs_verify_and_break_with_every_change(data: st.DataObject, size: int) -> None:
    first = data.draw(st.integers(1, size))
    proof = prove(consistency_path(Range(0, first), size))
    old, new = naive_root(LEAVES[:first]), naive_root(LEAVES[:size])
    verify_consistency(first, size, old, new, proof)
    for altered in (proof[:-1] if proof else [old], [*proof, new]):
        with pytest.raises(VerificationError):
            verify_consistency(first, size, old, new, altered)
    if first != size:
        with pytest.raises(VerificationError):
            verify_consistency(first, size, new, new, proof)


@given(st.data(), SIZES)
def test_subtree_proofs_verify(data: st.DataObject, size: int) -> None:
    height = data.draw(st.integers(0, size.bit_length()))
    start = data.draw(st.integers(0, (size - 1) >> height)) << height
    end = data.draw(st.integers(start + 1, min(size, start + (1 << height))))
    index = data.draw(st.integers(start, end - 1))
    subtree_root, root = naive_root(LEAVES[start:end]), naive_root(LEAVES[:size])
    verify_subtree_consistency((start, end), size, subtree_root, root, prove(consistency_path(Range(start, end), size)))
    # The subtree's own tree begins at `start`, so that its paths are those of a tree of its size, moved there.
    path = [Range(start + part.start, start + part.end) for part in inclusion_path(index - start, end - start)]
    verify_subtree_inclusion(LEAVES[index], index, (start, end), prove(path), subtree_root)

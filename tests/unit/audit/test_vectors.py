"""The published vectors of transparency-dev/merkle."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from maestro_client.transparency import (
    VerificationError,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)

VECTORS = Path(__file__).parents[3].parent / "shared" / "testdata" / "merkle"

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="the vectors of transparency-dev/merkle are not here")


def _bytes(encoded: str) -> bytes:
    return base64.b64decode(encoded)


def _inclusion(vector: dict[str, Any], proof: list[bytes]) -> None:
    leaf, root = _bytes(vector["leafHash"]), _bytes(vector["root"])
    verify_inclusion(leaf, vector["leafIdx"], vector["treeSize"], proof, root)


def _consistency(vector: dict[str, Any], proof: list[bytes]) -> None:
    verify_consistency(vector["size1"], vector["size2"], _bytes(vector["root1"]), _bytes(vector["root2"]), proof)


def _subtree_inclusion(vector: dict[str, Any], proof: list[bytes]) -> None:
    leaf, root = _bytes(vector["leafHash"]), _bytes(vector["root"])
    verify_subtree_inclusion(leaf, vector["leafIdx"], (vector["start"], vector["end"]), proof, root)


def _subtree_consistency(vector: dict[str, Any], proof: list[bytes]) -> None:
    roots = _bytes(vector["root1"]), _bytes(vector["root2"])
    verify_subtree_consistency((vector["start"], vector["end"]), vector["size"], *roots, proof)


@pytest.mark.parametrize(
    ("folder", "count", "verify"),
    [
        ("inclusion", 98, _inclusion),
        ("consistency", 98, _consistency),
        ("subtreeinclusion", 204, _subtree_inclusion),
        ("subtreeconsistency", 118, _subtree_consistency),
    ],
)
def test_the_verifier_accepts_and_rejects_what_the_published_vectors_say(
    folder: str, count: int, verify: Callable[[dict[str, Any], list[bytes]], None]
) -> None:
    files = sorted((VECTORS / folder).rglob("*.json"))
    wrong = [str(file) for file in files if _rejects(file, verify) != json.loads(file.read_text())["wantErr"]]
    assert len(files) == count
    assert wrong == []


def _rejects(file: Path, verify: Callable[[dict[str, Any], list[bytes]], None]) -> bool:
    vector = json.loads(file.read_text())
    try:
        verify(vector, [_bytes(value) for value in vector["proof"] or []])
    except VerificationError:
        return True
    return False

"""Verification of transparency logs, without trust in whoever serves them.

RFC 6962 Merkle proofs (SHA-256), C2SP signed notes and C2SP checkpoints. Pure functions over bytes: nothing here
talks to a server. Everything that does not hold raises VerificationError with a sentence that says what.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Checkpoint",
    "VerificationError",
    "VerifierKey",
    "leaf_hash",
    "node_hash",
    "open_checkpoint",
    "open_note",
    "root_from_inclusion_proof",
    "verify_consistency",
    "verify_inclusion",
    "verify_leaf",
    "verify_subtree_consistency",
    "verify_subtree_inclusion",
]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()

ED25519 = 0x01
_MAX_SIGNATURES = 100
_MAX_NOTE_CHARACTERS = 1_000_000
_SIGNATURE_LINE = re.compile("— ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class VerificationError(Exception):
    """A proof, a note or a checkpoint does not hold."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two others (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise VerificationError(message)


def _require_hashes(*hashes: bytes) -> None:
    _require(all(len(value) == HASH_BYTES for value in hashes), f"every hash must have {HASH_BYTES} bytes")


def root_from_inclusion_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves that has the hash `leaf` at `index`, if the proof is of that tree."""
    _require(0 <= index < size, f"index {index} is not in a tree of {size} leaves")
    _require_hashes(leaf, *proof)
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    _require(len(proof) == inner + border, f"the proof has {len(proof)} hashes where {inner + border} belong")
    value = leaf
    for height, sibling in enumerate(proof):
        is_left = height < inner and not index >> height & 1
        value = node_hash(value, sibling) if is_left else node_hash(sibling, value)
    return value


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verifies that the tree of `size` leaves with this root has the leaf hash `leaf` at `index`."""
    _require_hashes(root)
    _require(root_from_inclusion_proof(leaf, index, size, proof) == root, "the proof leads to another root")


def verify_consistency(
    first_size: int, second_size: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Verifies that the tree of the second size and root begins with the whole tree of the first."""
    _require(0 < first_size <= second_size, f"no proof leads from size {first_size} to size {second_size}")
    verify_subtree_consistency((0, first_size), second_size, first_root, second_root, proof)


def _require_subtree(start: int, end: int) -> None:
    _require(0 <= start <= end, f"[{start}, {end}) is no range")
    span = 1 << max(end - start - 1, 0).bit_length()
    _require(start % span == 0, f"[{start}, {end}) is no subtree")


def verify_subtree_inclusion(
    leaf: bytes, index: int, subtree: tuple[int, int], proof: Sequence[bytes], root: bytes
) -> None:
    """Verifies that the subtree [start, end) of a tree, with this root, has the leaf hash `leaf` at `index`."""
    start, end = subtree
    _require_subtree(start, end)
    _require(start <= index < end, f"index {index} is not in [{start}, {end})")
    verify_inclusion(leaf, index - start, end - start, proof, root)


def verify_subtree_consistency(
    subtree: tuple[int, int], size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Verifies that the tree of this size and root has the subtree [start, end) with its root.

    An empty subtree has the root of no leaves in every tree; its proof is empty and says nothing of the tree.
    """
    start, end = subtree
    _require_subtree(start, end)
    _require(end <= size, f"[{start}, {end}) is not in a tree of {size} leaves")
    if proof:
        _require_hashes(subtree_root, root, *proof)
    if start == end:
        _require(not proof and subtree_root == EMPTY_ROOT, "an empty subtree has an empty proof and the empty root")
        return
    found_subtree, found_root = _roots_from_consistency_proof(start, end, size, subtree_root, proof)
    _require(found_subtree == subtree_root, "the proof leads to another root of the older tree")
    _require(found_root == root, "the proof leads to another root of the newer tree")


def _roots_from_consistency_proof(
    start: int, end: int, size: int, subtree_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    # draft-ietf-plants-merkle-tree-certs, "Verifying a Subtree Consistency Proof"; its names, for comparison.
    fn, sn, tn = start, end - 1, size - 1
    shift = (fn ^ sn).bit_length() if sn == tn else min((fn ^ sn).bit_length(), _trailing_ones(sn))
    fn, sn, tn = fn >> shift, sn >> shift, tn >> shift
    rest = list(proof)
    if fn == sn:
        fr = sr = subtree_root
    else:
        _require(bool(rest), "the proof is too short")
        fr = sr = rest.pop(0)
    for value in rest:
        _require(tn != 0, "the proof is too long")
        if sn & 1 or sn == tn:
            fr = node_hash(value, fr) if fn < sn else fr
            sr = node_hash(value, sr)
            shift = _trailing_zeros(sn)
            fn, sn, tn = fn >> shift, sn >> shift, tn >> shift
        else:
            sr = node_hash(sr, value)
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    _require(tn == 0, "the proof is too short")
    return fr, sr


def _trailing_ones(value: int) -> int:
    return _trailing_zeros(~value)


def _trailing_zeros(value: int) -> int:
    return (value & -value).bit_length() - 1 if value else 0


@dataclass(frozen=True)
class VerifierKey:
    """The public half of a note's signing key, as C2SP writes it: `<name>+<key id in hex>+<base64>`."""

    name: str
    key_id: bytes
    public_key: bytes

    @classmethod
    def of(cls, name: str, public_key: bytes) -> "VerifierKey":
        """The key of that name for a raw Ed25519 public key of 32 bytes."""
        material = name.encode() + b"\n" + bytes([ED25519]) + public_key
        return cls(name, hashlib.sha256(material).digest()[:4], public_key)

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Reads a verifier key; only Ed25519 is known."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        material = _decode(encoded)
        _require(_is_key_name(name), "a key's name is not empty and has no space and no plus sign")
        _require(len(material) == 33 and material[0] == ED25519, f"the key {name} is no Ed25519 key")
        key = cls.of(name, material[1:])
        _require(key.key_id.hex() == key_id, f"the id of the key {name} is not that of its bytes")
        return key

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([ED25519]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether the signature, without its key id, is this key's on the text."""
        # Imported here: most users of the client never verify anything.
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def _decode(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise VerificationError("something that should be base64 is not") from error


def open_note(note: str, *keys: VerifierKey) -> str:
    """The text of a signed note, if at least one of the keys signed it and none of them signed it wrongly."""
    _require(len(note) <= _MAX_NOTE_CHARACTERS, "the note is too long")
    _require(all(character >= " " or character == "\n" for character in note), "the note has control characters")
    text, separator, signatures = note.rpartition("\n\n")
    _require(bool(separator) and signatures.endswith("\n"), "the note has no signatures behind a blank line")
    text += "\n"
    lines = signatures[:-1].split("\n")
    _require(len(lines) <= _MAX_SIGNATURES, "the note has too many signatures")
    known = {(key.name, key.key_id): key for key in keys}
    verified = [_verified_signature(text, line, known) for line in lines]
    _require(any(verified), "none of the known keys signed the note")
    return text


def _verified_signature(text: str, line: str, known: dict[tuple[str, bytes], VerifierKey]) -> bool:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise VerificationError("a signature line of the note is malformed")
    name, material = match[1], _decode(match[2])
    _require(len(material) >= 5, "a signature of the note is too short")
    key = known.get((name, material[:4]))
    if key is None:
        return False
    _require(key.verifies(text, material[4:]), f"the signature of {name} is not valid")
    return True


@dataclass(frozen=True)
class Checkpoint:
    """What a log commits to: its origin, its size, and the root of its tree."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Reads the text of a checkpoint, C2SP tlog-checkpoint; extension lines are let through."""
        _require(text.endswith("\n"), "the checkpoint does not end with a newline")
        lines = text[:-1].split("\n")
        _require(len(lines) >= 3 and all(lines), "the checkpoint has not its three lines")
        _require(_DECIMAL.fullmatch(lines[1]) is not None, "the size of the checkpoint is no decimal number")
        root = _decode(lines[2])
        _require_hashes(root)
        return cls(lines[0], int(lines[1]), root)

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a signed note, if this key signed it and it is of the log that the key is named after."""
    checkpoint = Checkpoint.parse(open_note(note, key))
    _require(checkpoint.origin == key.name, f"the checkpoint is of {checkpoint.origin}, not of {key.name}")
    return checkpoint


def verify_leaf(leaf: bytes, index: int, proof: Sequence[bytes], note: str, key: VerifierKey) -> Checkpoint:
    """Verifies that the log of the key holds these bytes at `index`; answers the checkpoint that says so.

    Everything comes from the log but the key: that one the caller must have kept, or got on another way.
    """
    checkpoint = open_checkpoint(note, key)
    verify_inclusion(leaf_hash(leaf), index, checkpoint.size, proof, checkpoint.root)
    return checkpoint

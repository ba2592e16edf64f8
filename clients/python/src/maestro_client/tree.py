"""Project trees: snapshots of folders, their upload, and the loading and changing of stored trees."""

from ._digest_cache import DigestCache
from ._merkle import EncodedTree, FileEntry, Tree, TreeError, decode_directory, digest_of, load_tree
from ._snapshot import ContentChanged, DigestMemory, Snapshot, SnapshotLimits, take_snapshot
from ._transfer import (
    Artifacts,
    DigestMismatch,
    download_blob,
    download_file,
    fetch_tree,
    store_tree,
    upload_blobs,
    upload_snapshot,
    upload_tree,
)

__all__ = [
    "Artifacts",
    "ContentChanged",
    "DigestCache",
    "DigestMemory",
    "DigestMismatch",
    "EncodedTree",
    "FileEntry",
    "Snapshot",
    "SnapshotLimits",
    "Tree",
    "TreeError",
    "decode_directory",
    "digest_of",
    "download_blob",
    "download_file",
    "fetch_tree",
    "load_tree",
    "store_tree",
    "take_snapshot",
    "upload_blobs",
    "upload_snapshot",
    "upload_tree",
]

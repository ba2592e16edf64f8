"""Signed notes and checkpoints, as C2SP says."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from maestro_client.transparency import (
    EMPTY_ROOT,
    Checkpoint,
    VerificationError,
    VerifierKey,
    open_checkpoint,
    open_note,
)
from maestro_services.audit.signer import LogSigner

# The example of golang.org/x/mod/sumdb/note.
FOREIGN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
FOREIGN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
UNKNOWN = f"— somebody {base64.b64encode(bytes(68)).decode()}\n"
SIGNER = LogSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), host="maestro.dev", installation_id="here")
ROOT = base64.b64encode(EMPTY_ROOT).decode()
CHECKPOINT = Checkpoint("maestro.dev/here/demo", 0, EMPTY_ROOT)


def test_a_foreign_note_opens_with_its_foreign_key() -> None:
    key = VerifierKey.parse(FOREIGN_KEY)
    assert str(key) == FOREIGN_KEY
    assert open_note(FOREIGN_NOTE, key) == FOREIGN_NOTE.partition("\n\n")[0] + "\n"


def test_a_checkpoint_is_signed_under_its_origin() -> None:
    note = SIGNER.sign(CHECKPOINT)
    assert note.startswith(
        "maestro.dev/here/demo\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— maestro.dev/here/demo "
    )
    assert open_checkpoint(note, SIGNER.verifier_key(CHECKPOINT.origin)) == CHECKPOINT
    assert SIGNER.sign(CHECKPOINT) == note


def test_signatures_of_unknown_keys_are_ignored() -> None:
    note = SIGNER.sign(CHECKPOINT)
    assert open_checkpoint(note + UNKNOWN * 16, SIGNER.verifier_key(CHECKPOINT.origin)) == CHECKPOINT


def test_the_text_ends_at_the_last_blank_line() -> None:
    key = VerifierKey.parse(FOREIGN_KEY)
    with pytest.raises(VerificationError, match="not valid"):
        open_note("another text\n\n" + FOREIGN_NOTE, key)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        FOREIGN_NOTE[:-1],
        FOREIGN_NOTE.replace("—", "-"),
        FOREIGN_NOTE.replace("x08go", "x08gp"),
        FOREIGN_NOTE.replace("answer", "anzwer"),
        FOREIGN_NOTE.replace("answer", "answer\t"),
        FOREIGN_NOTE.replace("\n\n— ", "\n\n—  "),
        FOREIGN_NOTE + FOREIGN_NOTE.splitlines()[-1].replace("/ZJk", "/ZJl") + "\n",
        FOREIGN_NOTE + UNKNOWN * 100,
        FOREIGN_NOTE.partition("\n\n")[0] + "\n\n" + UNKNOWN,
    ],
)
def test_a_note_that_is_not_wholly_right_does_not_open(note: str) -> None:
    with pytest.raises(VerificationError):
        open_note(note, VerifierKey.parse(FOREIGN_KEY))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        FOREIGN_KEY.replace("c74f20a3", "c74f20a4"),
        FOREIGN_KEY.replace("Peter", "Peter "),
        FOREIGN_KEY.replace("+AR", "+Ar"),
        FOREIGN_KEY[:-4],
        FOREIGN_KEY[:-1] + "*",
    ],
)
def test_a_verifier_key_that_is_not_wholly_right_is_refused(text: str) -> None:
    with pytest.raises(VerificationError):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        f"origin\n01\n{ROOT}\n",
        f"origin\n-1\n{ROOT}\n",
        f"origin\n\u0661\n{ROOT}\n",
        f"origin\n1\n{ROOT}",
        f"origin\n1\n{ROOT[:-4]}\n",
        f"origin\n1\n{ROOT}\n\n",
        f"\n1\n{ROOT}\n",
    ],
)
def test_a_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(VerificationError):
        Checkpoint.parse(text)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    key = SIGNER.verifier_key("maestro.dev/here/other")
    forged = SIGNER.sign(CHECKPOINT)
    with pytest.raises(VerificationError):
        open_checkpoint(forged, key)

"""A store on SQLite, and what appends to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from maestro_services.audit.domain.log import LogWriter
from maestro_services.audit.sequencer import Sequencer
from maestro_services.audit.signer import LogSigner
from maestro_services.audit.store import AuditStore
from maestro_services.runtime.clock import utc_now
from maestro_services.runtime.database import Database, Transaction
from maestro_services.runtime.errors import Reason, ServiceError


class FailingStore(AuditStore):
    """Fails to save while it is told to."""

    failing = False

    async def save(self, transaction: Transaction, writer: LogWriter) -> None:
        await super().save(transaction, writer)
        if self.failing:
            raise ServiceError(Reason.STORAGE_UNAVAILABLE, "the disk is full")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FailingStore]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/audit.db", service="audit")
    await database.open()
    yield FailingStore(database)
    await database.close()


@pytest.fixture
def sequencer(store: FailingStore) -> Sequencer:
    return Sequencer(store, LogSigner(Ed25519PrivateKey.generate(), host="maestro.dev"), utc_now)

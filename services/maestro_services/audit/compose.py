"""The composition root of the audit service."""

from pathlib import Path

from maestro.audit.v1.audit_service_pb2_grpc import add_AuditServiceServicer_to_server

from maestro_services.audit.appending import Appender
from maestro_services.audit.checkpoints import CheckpointLoop, Checkpoints
from maestro_services.audit.domain.tiles import LogDamageError
from maestro_services.audit.inspection import Inspection
from maestro_services.audit.lifecycle import Lifecycle
from maestro_services.audit.proofs import Prover
from maestro_services.audit.reading import Reader
from maestro_services.audit.sequencer import Sequencer
from maestro_services.audit.servicer import AuditServicer, Log
from maestro_services.audit.settings import AuditSettings
from maestro_services.audit.signer import LogSigner, signing_key
from maestro_services.audit.store import AuditStore
from maestro_services.audit.tail import Tail
from maestro_services.audit.verification import Verifier
from maestro_services.runtime.service import Endpoint, Platform, Service
from maestro_services.runtime.settings import SettingsError, load


async def compose(platform: Platform) -> Service:
    """The audit service; it does not start on a log that is not what was written."""
    settings = load(AuditSettings, "audit")
    database = platform.database("audit")
    await database.open()
    signer = _signer(settings, platform.state_directory)
    store = AuditStore(database)
    await _inspect(Inspection(store, signer, leaves=settings.start_check_leaves))
    sequencer = Sequencer(store, signer, platform.clock)
    checkpoints = Checkpoints(store, signer, platform.clock)
    prover = Prover(store, checkpoints)
    log = Log(
        Appender(store, sequencer, platform.draining),
        Reader(store, Tail(store), platform.tokens, platform.draining),
        checkpoints,
        prover,
        Verifier(store, checkpoints, prover),
    )
    loop = CheckpointLoop(checkpoints, sequencer, settings.checkpoint_seconds)
    lifecycle = Lifecycle(sequencer, loop)
    await lifecycle.started()
    endpoint = Endpoint(AuditServicer(log), add_AuditServiceServicer_to_server)
    return Service("audit", [endpoint], database=database, loops=[loop], close=lifecycle.stopped)


def _signer(settings: AuditSettings, state_directory: Path) -> LogSigner:
    given = settings.signing_key_file
    key = signing_key(Path(given) if given else state_directory / "audit-signing-key.pem", create=not given)
    return LogSigner(key, host=settings.origin_host, installation_id=settings.installation_id)


async def _inspect(inspection: Inspection) -> None:
    try:
        await inspection.run()
    except LogDamageError as error:
        message = f"the audit service does not start: {error.message}; restore its database, and the key that signed it"
        raise SettingsError(message) from error

"""The contract's messages and the domain's objects, each as the other."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from maestro.audit.v1 import audit_service_pb2, event_pb2, log_pb2
from maestro.common.v1 import actor_pb2, error_reason_pb2

from maestro_services.audit.domain.event import Actor, ActorKind, Draft, Event, Outcome, Phase, Source
from maestro_services.audit.domain.log import Appended, LogState, Refused
from maestro_services.audit.domain.proof import Consistency, Inclusion, SignedLog, Step, Verification
from maestro_services.runtime.names import NamePattern
from maestro_services.runtime.principal import Principal

EVENT = NamePattern("projects/{project}/events/{event}")
CHECKPOINT = NamePattern("projects/{project}/checkpoint")
LOG_KEY = NamePattern("projects/{project}/logKey")


def caller(principal: Principal) -> Actor:
    """The caller as an actor."""
    return Actor(ActorKind(principal.kind), principal.subject, principal.display_name)


def draft(
    message: event_pb2.Event, *, project: str, event_id: str, reporter: Actor, source: Source | None = None
) -> Draft:
    """An event to append."""
    actor = _actor(message.actor) if message.HasField("actor") else reporter
    return Draft(
        id=event_id,
        project=project,
        kind=message.kind,
        actor=actor,
        service=message.service,
        method=message.method,
        target=message.target,
        outcome=Outcome(message.outcome.code, message.outcome.reason) if message.HasField("outcome") else None,
        phase=Phase(message.phase),
        operation_id=message.operation_id,
        request_id=message.request_id,
        trace_id=message.trace_id,
        attributes=dict(message.attributes),
        event_time=message.event_time.ToDatetime(UTC) if message.HasField("event_time") else None,
        source=source,
        reporter=None if (actor.kind, actor.subject) == (reporter.kind, reporter.subject) else reporter,
    )


def event(stored: Event) -> event_pb2.Event:
    """An event of the log."""
    told = stored.draft
    return event_pb2.Event(
        name=EVENT.format(project=told.project, event=told.id),
        kind=told.kind,
        actor=_actor_message(told.actor),
        service=told.service,
        method=told.method,
        target=told.target,
        outcome=event_pb2.Outcome(code=told.outcome.code, reason=told.outcome.reason) if told.outcome else None,
        phase=event_pb2.Event.Phase.Value(f"PHASE_{told.phase.name}"),
        operation_id=told.operation_id,
        request_id=told.request_id,
        trace_id=told.trace_id,
        attributes=told.attributes,
        event_time=_timestamp(stored.event_time),
        source=_source_message(told.source) if told.source else None,
        reporter=_actor_message(told.reporter) if told.reporter else None,
        log_index=stored.log_index,
        create_time=_timestamp(stored.create_time),
    )


def appended(answer: Appended, project: str) -> audit_service_pb2.AppendedEvent:
    """Where an event stands."""
    name = EVENT.format(project=project, event=answer.id)
    return audit_service_pb2.AppendedEvent(name=name, log_index=answer.log_index, repeated=answer.repeated)


def refusal(answer: Refused, sequence: int) -> audit_service_pb2.Refusal:
    """Why an event of a producer was not appended."""
    reason = error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{answer.reason.name}")
    return audit_service_pb2.Refusal(sequence=sequence, reason=reason, message=answer.message)


def checkpoint(signed: SignedLog) -> log_pb2.Checkpoint:
    """The checkpoint of a log."""
    return log_pb2.Checkpoint(
        name=CHECKPOINT.format(project=signed.state.project),
        note=signed.state.note,
        origin=signed.state.origin,
        tree_size=signed.size,
        root_hash=signed.root,
        create_time=_timestamp(signed.state.note_time),
    )


def log_key(state: LogState, verifier_key: str) -> log_pb2.LogKey:
    """The key of a log, which verifiers take as a text."""
    name = LOG_KEY.format(project=state.project)
    return log_pb2.LogKey(name=name, origin=state.origin, verifier_key=verifier_key)


def inclusion(proof: Inclusion) -> log_pb2.InclusionProof:
    """An inclusion proof."""
    return log_pb2.InclusionProof(leaf=proof.leaf, log_index=proof.log_index, tree_size=proof.size, hashes=proof.hashes)


def consistency(proof: Consistency) -> log_pb2.ConsistencyProof:
    """A consistency proof."""
    return log_pb2.ConsistencyProof(first_size=proof.first, second_size=proof.second, hashes=proof.hashes)


def verification(found: Verification) -> audit_service_pb2.VerifyEventResponse:
    """What a verification found."""
    return audit_service_pb2.VerifyEventResponse(
        verified=found.verified,
        steps=[_step(step) for step in found.steps],
        event=event(found.event) if found.event else None,
        inclusion_proof=inclusion(found.inclusion) if found.inclusion else None,
        checkpoint=checkpoint(found.inclusion.log) if found.inclusion else None,
    )


def _step(step: Step) -> audit_service_pb2.VerificationStep:
    message = audit_service_pb2.VerificationStep
    verdict = message.VERDICT_PASSED if step.passed else message.VERDICT_FAILED
    return message(kind=message.Kind.Value(f"KIND_{step.kind.name}"), verdict=verdict, detail=step.detail)


def _actor(message: actor_pb2.Actor) -> Actor:
    return Actor(ActorKind(message.kind), message.subject, message.display_name)


def _actor_message(actor: Actor) -> actor_pb2.Actor:
    kind = actor_pb2.Actor.Kind.Value(f"KIND_{actor.kind.name}")
    return actor_pb2.Actor(kind=kind, subject=actor.subject, display_name=actor.display_name)


def _source_message(source: Source) -> event_pb2.EventSource:
    return event_pb2.EventSource(producer_id=source.producer_id, epoch=source.epoch, sequence=source.sequence)


def _timestamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp

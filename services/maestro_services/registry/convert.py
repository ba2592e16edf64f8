"""Between the contract's messages and the domain."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from maestro.registry.v1 import instance_pb2, registry_service_pb2

from maestro_services.registry.domain.instance import Instance, InstanceState
from maestro_services.registry.domain.leases import Lease
from maestro_services.registry.watch import Update


def timestamp(time: datetime | None) -> Timestamp | None:
    """The message of a time, or None, which leaves a field unset."""
    if time is None:
        return None
    message = Timestamp()
    message.FromDatetime(time)
    return message


def time_of(message: Timestamp) -> datetime:
    """The aware time, in UTC, that a message stands for."""
    return message.ToDatetime(tzinfo=UTC)


def duration(span: timedelta) -> Duration:
    """The message of a span."""
    message = Duration()
    message.FromTimedelta(span)
    return message


def instance_of(message: instance_pb2.Instance) -> Instance:
    """What a caller says of its instance; a state that is not said counts as ready."""
    return Instance(
        name=message.name,
        address=message.address,
        version=message.version,
        labels=dict(message.labels),
        state=InstanceState(message.state or InstanceState.READY),
    )


def instance_message(instance: Instance) -> instance_pb2.Instance:
    """The message of an instance."""
    return instance_pb2.Instance(
        name=instance.name,
        uid=instance.uid,
        address=instance.address,
        version=instance.version,
        labels=instance.labels,
        state=instance_pb2.Instance.State.ValueType(instance.state),
        create_time=timestamp(instance.create_time),
        update_time=timestamp(instance.update_time),
        expire_time=timestamp(instance.expire_time),
    )


def held(lease: Lease) -> registry_service_pb2.HoldLeaseResponse:
    """The confirmation of a lease that a stream holds."""
    return registry_service_pb2.HoldLeaseResponse(
        instance=instance_message(lease.instance), lease_ttl=duration(lease.ttl)
    )


def registered(lease: Lease) -> registry_service_pb2.RegisterInstanceResponse:
    """The confirmation of a lease that its holder renews."""
    return registry_service_pb2.RegisterInstanceResponse(
        instance=instance_message(lease.instance), lease_ttl=duration(lease.ttl)
    )


def watch_message(update: Update, resume_token: str) -> registry_service_pb2.WatchInstancesResponse:
    """What a watcher is sent."""
    message = registry_service_pb2.WatchInstancesResponse(resume_token=resume_token)
    if update.snapshot is not None:
        message.snapshot.instances.extend(map(instance_message, update.snapshot))
        message.snapshot.SetInParent()
    elif update.change is not None and update.change.removed:
        message.removed_name = update.change.instance.name
    elif update.change is not None:
        message.instance.CopyFrom(instance_message(update.change.instance))
    return message

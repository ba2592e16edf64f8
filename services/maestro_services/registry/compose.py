"""The registry's composition root."""

import time
from datetime import timedelta

from maestro.registry.v1 import registry_service_pb2_grpc, token_service_pb2_grpc

from maestro_services.registry.domain.changes import Changes
from maestro_services.registry.domain.leases import Leases
from maestro_services.registry.expiry import Expiry
from maestro_services.registry.servicer import RegistryServicer
from maestro_services.registry.settings import RegistrySettings
from maestro_services.registry.token_servicer import TokenServicer
from maestro_services.registry.tokens import Tokens
from maestro_services.runtime.ids import new_uid
from maestro_services.runtime.service import Endpoint, Platform, Service
from maestro_services.runtime.settings import load


async def compose(platform: Platform) -> Service:
    """Builds the registry from its settings."""
    settings = load(RegistrySettings, "registry")
    database = platform.database("registry")
    await database.open()
    changes = Changes(epoch=new_uid(), kept=settings.kept_changes)
    leases = Leases(changes, platform.clock, time.monotonic, new_uid)
    ttl = timedelta(seconds=settings.lease_ttl_seconds)
    registry = RegistryServicer(leases, platform.tokens, platform.draining, ttl)
    tokens = Tokens(database, platform.clock)
    token_service = TokenServicer(tokens, platform.tokens)
    return Service(
        name="registry",
        endpoints=[
            Endpoint(registry, registry_service_pb2_grpc.add_RegistryServiceServicer_to_server),
            Endpoint(token_service, token_service_pb2_grpc.add_TokenServiceServicer_to_server),
        ],
        database=database,
        loops=[Expiry(leases)],
        authenticator=tokens,
    )

"""The automation service's composition root."""

from functools import partial

from maestro.automation.v1 import automation_service_pb2_grpc

from maestro_services.automation.executions import Executions
from maestro_services.automation.following import Means
from maestro_services.automation.healing import Healing
from maestro_services.automation.intake import Intake
from maestro_services.automation.monitoring import Monitoring
from maestro_services.automation.servicer import AutomationServicer
from maestro_services.automation.settings import AutomationSettings
from maestro_services.automation.steps import Steps
from maestro_services.automation.store import AutomationStore
from maestro_services.automation.watch import RepairWatch
from maestro_services.automation.worker import RepairWorker
from maestro_services.runtime.outbox import Outbox
from maestro_services.runtime.service import Endpoint, Platform, Service
from maestro_services.runtime.settings import load


async def compose(platform: Platform) -> Service:
    """Builds the automation service from its settings."""
    settings = load(AutomationSettings, "automation")
    database = platform.database("automation")
    await database.open()
    store = AutomationStore(database)
    client = partial(platform.client, "automation")
    executions = Executions(client)
    intake = Intake(executions, platform.clock)
    worker = RepairWorker(store, Steps(executions, platform.clock, settings.search_processes), settings, platform.clock)
    monitoring = Monitoring(Means(store, intake, client, platform.clock, worker.wake))

    def wake() -> None:
        worker.wake()
        monitoring.wake()

    healing = Healing(store, intake, platform.clock, wake)
    watch = RepairWatch(store, Outbox(database))
    servicer = AutomationServicer(healing, store, watch, platform.tokens, platform.draining)
    add = automation_service_pb2_grpc.add_AutomationServiceServicer_to_server
    return Service(
        name="automation",
        endpoints=[Endpoint(servicer, add)],
        database=database,
        loops=[worker, monitoring],
    )

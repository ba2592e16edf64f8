"""The composition root of the templates service."""

from maestro.templates.v1.template_service_pb2_grpc import add_TemplateServiceServicer_to_server

from maestro_services.runtime.service import Endpoint, Platform, Service
from maestro_services.runtime.settings import load
from maestro_services.templates import builtin_templates
from maestro_services.templates.children.parent import Children
from maestro_services.templates.creation import Creation
from maestro_services.templates.domain.limits import TemplateLimits
from maestro_services.templates.importing import Fetcher, Importer
from maestro_services.templates.listing import Listing
from maestro_services.templates.projects import Projects
from maestro_services.templates.rendering.renderer import Renderer
from maestro_services.templates.servicer import Templates, TemplateServicer
from maestro_services.templates.settings import TemplatesSettings
from maestro_services.templates.store.templates import TemplateStore
from maestro_services.templates.uploading import Uploader


async def compose(platform: Platform) -> Service:
    """The templates service, with the built-in templates in place."""
    settings = load(TemplatesSettings, "templates")
    database = platform.database("templates")
    await database.open()
    store = TemplateStore(database)
    children = Children(settings.children)
    renderer = Renderer(children, settings.render_limits())
    limits = TemplateLimits()
    creation = Creation(store, renderer, limits, platform.clock)
    await builtin_templates.install(creation, store)
    fetcher = Fetcher(children, settings.fetch_limits(), limits)
    templates = Templates(
        store,
        Listing(store, platform.tokens),
        Uploader(creation, limits),
        Importer(creation, fetcher, settings.policy(embedded=not database.shared)),
        Projects(store, renderer, platform.draining),
    )
    endpoint = Endpoint(TemplateServicer(templates), add_TemplateServiceServicer_to_server)
    return Service("templates", [endpoint], database=database)

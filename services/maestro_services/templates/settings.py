"""Settings of the templates service: `MAESTRO_TEMPLATES_*` or the table `[templates]`."""

from dataclasses import dataclass

from maestro_services.runtime.settings import SettingsError
from maestro_services.templates.domain.importing import ImportPolicy
from maestro_services.templates.domain.limits import FetchLimits, RenderLimits


@dataclass(frozen=True)
class TemplatesSettings:
    """What one rendering or import may use, and where templates may come from."""

    # How many children render or fetch at once.
    children: int = 4
    render_wall_seconds: float = RenderLimits.wall_seconds
    render_cpu_seconds: int = RenderLimits.cpu_seconds
    render_memory_bytes: int = RenderLimits.memory_bytes
    render_output_bytes: int = RenderLimits.output_bytes
    render_fuel: int = RenderLimits.fuel
    fetch_wall_seconds: float = FetchLimits.wall_seconds
    fetch_repository_bytes: int = FetchLimits.repository_bytes
    # Whether repositories on the service's own disk (`file:///…`) may be imported; unset: only when embedded.
    allow_file_urls: bool | None = None
    # The hosts that may be imported from; empty: any.
    allowed_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what nothing could be rendered with."""
        for name in ("children", "render_wall_seconds", "render_cpu_seconds", "render_output_bytes", "render_fuel"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"templates.{name} must be positive")
        if self.render_memory_bytes < 128 << 20:
            raise SettingsError("templates.render_memory_bytes must be at least 134217728")

    def render_limits(self) -> RenderLimits:
        """The limits of a rendering."""
        return RenderLimits(
            wall_seconds=self.render_wall_seconds,
            cpu_seconds=self.render_cpu_seconds,
            memory_bytes=self.render_memory_bytes,
            output_bytes=self.render_output_bytes,
            fuel=self.render_fuel,
        )

    def fetch_limits(self) -> FetchLimits:
        """The limits of an import."""
        return FetchLimits(wall_seconds=self.fetch_wall_seconds, repository_bytes=self.fetch_repository_bytes)

    def policy(self, *, embedded: bool) -> ImportPolicy:
        """Where templates may be imported from."""
        file_urls = embedded if self.allow_file_urls is None else self.allow_file_urls
        return ImportPolicy(file_urls, self.allowed_hosts)

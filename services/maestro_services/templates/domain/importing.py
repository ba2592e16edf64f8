"""Where templates may be imported from."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from maestro_services.runtime.errors import invalid_field
from maestro_services.templates.domain.paths import path_fault
from maestro_services.templates.domain.template import GitSource

_FIELD = "git_source"


@dataclass(frozen=True)
class ImportPolicy:
    """Which repositories the service fetches from: `hosts` over https, any if it is empty, and perhaps its own disk."""

    file_urls: bool
    hosts: tuple[str, ...] = ()

    def check(self, source: GitSource) -> None:
        """Refuses a source that may not be fetched, or that tries to be something else than it says."""
        if fault := self._url_fault(source.url):
            raise invalid_field(f"{_FIELD}.url", fault)
        if source.path and (fault := path_fault(source.path)):
            raise invalid_field(f"{_FIELD}.path", fault)
        if source.revision.startswith("-") or not source.revision.isprintable():
            raise invalid_field(f"{_FIELD}.revision", "is a branch, a tag or a commit id")

    def _url_fault(self, url: str) -> str | None:
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            return "is not a URL"
        if not url.isprintable() or " " in url or "\\" in url:
            return "has no blanks, backslashes or control characters"
        if parts.username is not None or parts.query or parts.fragment:
            return "has no user, password, query or fragment"
        if parts.scheme == "file":
            return self._file_fault(host)
        if parts.scheme != "https" or not host:
            return "begins with https://"
        return f"names one of the hosts {', '.join(self.hosts)}" if self.hosts and host not in self.hosts else None

    def _file_fault(self, host: str) -> str | None:
        if not self.file_urls:
            return "is not a file: the settings of this service do not allow it"
        return "names no host: write file:///path" if host else None

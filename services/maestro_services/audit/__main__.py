"""Hosts the audit service by itself."""

from maestro_services.audit.compose import compose
from maestro_services.runtime.process import main

if __name__ == "__main__":
    main("audit", [compose])

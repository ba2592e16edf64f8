"""Hosts the templates service by itself."""

from maestro_services.runtime.process import main
from maestro_services.templates.compose import compose

if __name__ == "__main__":
    main("templates", [compose])

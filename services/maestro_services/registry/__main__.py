"""The registry as a process: `python -m maestro_services.registry`."""

from maestro_services.registry.compose import compose
from maestro_services.runtime.process import main

if __name__ == "__main__":
    main("registry", [compose])

"""The automation service as a process: `python -m maestro_services.automation`."""

from maestro_services.automation.compose import compose
from maestro_services.runtime.process import main

if __name__ == "__main__":
    main("automation", [compose])

"""The execution service as a process: `python -m maestro_services.execution`."""

from maestro_services.execution.compose import compose
from maestro_services.runtime.process import main

if __name__ == "__main__":
    main("execution", [compose])

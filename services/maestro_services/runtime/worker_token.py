"""`python -m maestro_services.runtime.worker_token NAME`: prints the token of a worker on another host."""

import re
import sys

from maestro_services.runtime.authentication import MeshSecret
from maestro_services.runtime.server_settings import ServerSettings
from maestro_services.runtime.settings import SettingsError, load

_NAME = re.compile(r"^worker(-[a-z0-9]+)*$")


def main() -> None:
    """Derives the token from the installation's secret."""
    if len(sys.argv) != 2 or not _NAME.match(sys.argv[1]):
        sys.exit("usage: python -m maestro_services.runtime.worker_token worker-NAME")
    try:
        settings = load(ServerSettings, "server")
        secret = MeshSecret(settings.mesh_secret(settings.state()).encode())
    except (SettingsError, OSError) as error:
        sys.exit(f"worker_token: {error}")
    sys.stdout.write(secret.token_for(sys.argv[1]) + "\n")


if __name__ == "__main__":
    main()

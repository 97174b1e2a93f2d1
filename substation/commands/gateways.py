"""Prints the addresses of the gateways in a station's configuration, one a line.

For `systemd/install.sh`: the poller's service has no network; a drop-in opens it to these addresses alone.
"""

import socket
import sys
from pathlib import Path

from substation.commands.usage import Parser
from substation.errors import EXIT_CONFIG, EXIT_OK, SettingsError
from substation.settings import files
from substation.settings.model import Settings


def addresses(settings: Settings) -> list[str]:
    """Return the IP addresses of all lines over TCP, each once. Raises SettingsError for an unknown name."""
    found: dict[str, None] = {}
    for at, line in enumerate(settings.lines):
        if line.kind == "serial":
            continue
        host, port = line.address
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise SettingsError(
                f"lines.{at}.port: the name '{host}' is not known to this machine ({exc}); write the "
                "gateway's address instead, or add the name to /etc/hosts"
            ) from exc
        found.update({str(address[0]): None for *_, address in known})
    return list(found)


def main(arguments: list[str] | None = None) -> int:
    """Print them; without a configuration, or without such a line, nothing."""
    Parser(prog="substation.commands.gateways", description=__doc__).parse_args(arguments)
    folder: Path = files.home_folder()
    if not (folder / files.NAME).exists():
        return EXIT_OK
    try:
        for address in addresses(files.load(folder, mend=False).settings):
            print(address)
    except SettingsError as exc:
        print(exc, file=sys.stderr)
        return EXIT_CONFIG
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())

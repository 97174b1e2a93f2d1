"""By which names the dashboard may be asked for.

A web page elsewhere can let its own name point at the station's address and then read the
dashboard with the person's own login (DNS rebinding). It cannot make the browser say another name
in `Host`; so only known names are answered.

Known are: this machine to itself; the address it binds to; `web.allowed_hosts`. A dashboard that
listens on the network also answers to the machine's own host name, with and without `.local`, and
to the address at which this very connection arrived. That follows a changed DHCP lease by itself
and cannot be abused, for a rebinding page is always asked for by a name. Reached through a
forwarded port or a tunnel, the outer name must stand in `web.allowed_hosts`.
"""

import ipaddress
import socket
from functools import lru_cache

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def name_in(host: str) -> str:
    """Return the name or address in a `Host` header, without port and brackets, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def is_loopback(address: str) -> bool:
    """Return whether an address or name means this machine itself."""
    if address.lower() == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


@lru_cache(maxsize=1)
def machine_names() -> frozenset[str]:
    """Return the machine's own host name, as it is and as a neighbour on the LAN would say it."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset({name, short, f"{short}.local"}) - {""}


def allowed(host: str, bind: str, names: tuple[str, ...], arrived_at: str | None) -> bool:
    """Return whether the dashboard may answer to this `Host`.

    Args:
        host: the header as it came.
        bind: `web.bind`.
        names: `web.allowed_hosts`.
        arrived_at: local address of the connection, None when it is not known.
    """
    name = name_in(host)
    if name in LOCAL or name in {name_in(known) for known in names}:
        return True
    if not name or is_loopback(bind):
        return False
    if name == bind.lower() or name in machine_names():
        return True
    return arrived_at is not None and name == _plain(arrived_at)


def _plain(address: str) -> str:
    """Return an address as a browser writes it: an IPv4 caller on an IPv6 socket is IPv4."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address.lower()
    mapped = getattr(ip, "ipv4_mapped", None)
    return str(mapped or ip)

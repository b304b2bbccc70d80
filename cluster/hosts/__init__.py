"""Several hosts on one machine, to see one die: network namespaces joined by a bridge.

Needs Linux, root, iproute2 and util-linux; nothing but Python's standard library.
"""

from hosts.lan import HostsError, Lan, unavailable

__all__ = ["HostsError", "Lan", "unavailable"]

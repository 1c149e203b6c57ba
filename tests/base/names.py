"""The outside world's names: a resolver that answers what it is told to."""

import ipaddress
import socket
from dataclasses import dataclass, field
from typing import Any, Final

REAL: Final = socket.getaddrinfo


@dataclass
class Resolver:
    """Answers for invented names, each a list of addresses; the last answer stays.

    Other invented names have the address `otherwise`, if there is one. Whatever is no invented
    name goes to the system, which needs no network for numbers.
    """

    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    otherwise: str | None = None
    asked: list[str] = field(default_factory=list)

    def getaddrinfo(self, host: Any, port: Any, *rest: Any, **more: Any) -> list[Any]:
        """As `socket.getaddrinfo`."""
        if not str(host).endswith(".example"):
            return list(REAL(host, port, *rest, **more))
        self.asked.append(host)
        left = self.answers.get(host, [[self.otherwise]] if self.otherwise else [])
        if not left:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [self.found(ipaddress.ip_address(each), port) for each in addresses]

    @staticmethod
    def found(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> Any:
        """One entry of an answer."""
        if address.version == 4:
            place: Any = (str(address), port)
            return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place
        place = (str(address), port, 0, 0)
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place

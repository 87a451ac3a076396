"""A real SMTP server on a port that the kernel chooses, and what it was handed."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from samples.transactional_email.smtp import SmtpServer


@dataclass(slots=True)
class Inbox:
    """Mails that arrived, and recipients that the server refuses, with its answer."""

    mails: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    refused: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def recipients(self) -> list[str]:
        return [to for to, _ in self.mails]

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd calls it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- as above
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.rcpt_tos[0], envelope.content))
        return "250 OK"


class _AnyPort(Controller):
    server: Any

    @override
    def _trigger_server(self) -> None:
        # it connects to see that the server is up, so it has to know which port the kernel has chosen
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def smtp_server(inbox: Inbox) -> Generator[SmtpServer]:
    controller = _AnyPort(inbox, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield SmtpServer("127.0.0.1", controller.port)
    finally:
        controller.stop()

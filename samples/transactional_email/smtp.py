"""An SMTP conversation on a Trio stream: enough of RFC 5321 to hand over one mail.

smtplib blocks, and a handler that blocks holds up every actor of the process; this one waits, and may be cancelled.
"""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

import trio

LINE_MAX = 65_536


class SmtpRefused(Exception):
    """The server did not answer as it should; the text is its own."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int
    patience: float = 10.0
    """Seconds that one mail may take."""

    async def send(self, mail: EmailMessage) -> None:
        """Returns when the server has taken responsibility. Raises SmtpRefused, OSError, trio.TooSlowError."""
        with trio.fail_after(self.patience):
            # a sample is at the edge, where programs of yours will talk to the world too
            async with await trio.open_tcp_stream(self.host, self.port) as stream:  # noqa: TID251
                talk = _Conversation(stream)
                await talk.expect("220")
                await talk.say("EHLO localhost", "250")
                await talk.say(f"MAIL FROM:<{mail['From']}>", "250")
                await talk.say(f"RCPT TO:<{mail['To']}>", "250")
                await talk.say("DATA", "354")
                await talk.say(_stuffed(mail), "250")
                await talk.say("QUIT", "221")


class _Conversation:
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._heard = b""

    async def say(self, line: str, code: str) -> None:
        await self._stream.send_all(line.encode() + b"\r\n")
        await self.expect(code)

    async def expect(self, code: str) -> None:
        line = await self._line()
        while line[3:4] == "-":  # more lines of the same answer follow
            line = await self._line()
        if line[:3] != code:
            raise SmtpRefused(line)

    async def _line(self) -> str:
        while b"\r\n" not in self._heard:
            more = await self._stream.receive_some()
            if not more or len(self._heard) > LINE_MAX:
                raise SmtpRefused("the server has hung up")
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\r\n")
        return line.decode("utf-8", "replace")


def _stuffed(mail: EmailMessage) -> str:
    """The mail as DATA takes it: a line that begins with a dot gets another (RFC 5321, 4.5.2); a lone dot ends it."""
    lines = mail.as_bytes(policy=SMTP).decode().split("\r\n")
    return (
        "\r\n".join("." + line if line.startswith(".") else line for line in lines).rstrip("\r\n") + "\r\n."
    )

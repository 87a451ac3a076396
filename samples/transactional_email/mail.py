"""What is mailed: what the producer puts into the queue as JSON, and the mail that the worker makes of it."""

from email.message import EmailMessage
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SENDER = "no-reply@shop.example"


class Kind(StrEnum):
    SIGN_UP = "sign-up"
    PASSWORD_RESET = "password-reset"  # noqa: S105 -- a kind of mail


class Mail(BaseModel):
    """One order for a mail. `id` stays the same over redeliveries, so a mail program shows a copy only once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    kind: Kind
    # no blank and no bracket: nothing of it may end the SMTP command that it stands in
    to: Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$", max_length=254)]
    link: str


TEXTS = {
    Kind.SIGN_UP: ("Welcome to the shop", "Please confirm your address:"),
    Kind.PASSWORD_RESET: ("Your new password", "Choose a new password here:"),
}


def rendered(mail: Mail) -> EmailMessage:
    subject, text = TEXTS[mail.kind]
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = mail.to
    message["Subject"] = subject
    message["Message-ID"] = f"<{mail.id}@shop.example>"
    message.set_content(f"{text}\n\n    {mail.link}\n")
    return message

"""The sample's story, told to a real SMTP server, both ways."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage

import pytest

from patterns.queue.pattern import pattern
from runtime.config import Settings
from runtime.node import open_node
from samples.transactional_email import in_process, with_boto3
from samples.transactional_email.mail import Kind, Mail, rendered
from samples.transactional_email.smtp import SmtpRefused, SmtpServer
from samples.transactional_email.story import MAILS, POISON, UNLUCKY
from tests.samples.smtp_server import Inbox, smtp_server

pytestmark = pytest.mark.wire
EVERYBODY = {mail.to for mail in MAILS}


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox) -> Iterator[SmtpServer]:
    with smtp_server(inbox) as server:
        yield server


@pytest.mark.slow
async def test_in_process_every_mail_arrives_and_the_poisoned_one_ends_as_a_dead_letter(
    smtp: SmtpServer, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await in_process.run(smtp) == [POISON]
    assert set(inbox.recipients) == EVERYBODY  # at least once each: on a slow machine a timeout may end early
    assert_told(capsys.readouterr().out)


@pytest.mark.slow
async def test_with_boto3_every_mail_arrives_and_the_poisoned_one_ends_as_a_dead_letter(
    smtp: SmtpServer, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_node(Settings(port=0, data=None), [pattern]) as node:
        assert await with_boto3.run(node.url, smtp) == [POISON]
    assert set(inbox.recipients) == EVERYBODY  # at least once each: on a slow machine a timeout may end early
    assert_told(capsys.readouterr().out)


def assert_told(out: str) -> None:
    """The worker crashed at one mail once, at the poisoned one three times, and the one mail came at a later try."""
    assert out.count("restarted after Unplugged") == 1
    assert out.count("restarted after ValidationError") == 3
    assert f"password-reset to {UNLUCKY}, try " in out
    assert f"password-reset to {UNLUCKY}, try 1" not in out


async def test_what_the_server_takes_is_the_mail_byte_for_byte_lines_of_dots_too(
    smtp: SmtpServer, inbox: Inbox
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@example.org", "b@example.org"
    mail.set_content("first\n.\n..second\n")
    await smtp.send(mail)
    assert message_from_bytes(inbox.mails[0][1]).get_payload() == "first\r\n.\r\n..second\r\n"


async def test_a_refused_recipient_is_the_server_s_own_words(smtp: SmtpServer, inbox: Inbox) -> None:
    inbox.refused["ada@example.org"] = "451 4.3.0 later"
    mail = Mail(id="m-1", kind=Kind.SIGN_UP, to="ada@example.org", link="https://shop.example")
    with pytest.raises(SmtpRefused, match=r"^451 4\.3\.0 later$"):
        await smtp.send(rendered(mail))
    assert inbox.mails == []


@pytest.mark.parametrize("to", ["a@b>\r\nRCPT TO:<c@d", "a b@c", "<a@b>", "nobody"])
def test_an_address_that_could_end_its_smtp_command_is_no_mail(to: str) -> None:
    with pytest.raises(ValueError, match="to"):
        Mail(id="m-1", kind=Kind.SIGN_UP, to=to, link="https://shop.example")

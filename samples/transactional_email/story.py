"""What happens, whichever way the queue is reached: three good mails, one unlucky worker, one poisoned message."""

import logging

import structlog

from actors import Intensity, Spec
from runtime.system import System
from samples.transactional_email.mail import Kind, Mail
from samples.transactional_email.smtp import SmtpServer
from samples.transactional_email.worker import MailQueue, MailWorker

QUEUE, DEAD_LETTERS = "mail", "mail-dead"
ACCOUNT, REGION = "000000000000", "us-east-1"
ATTRIBUTES = {
    "VisibilityTimeout": "1",  # so that the story is short; a worker's own is longer than its slowest job
    "RedrivePolicy": f'{{"deadLetterTargetArn": "arn:aws:sqs:{REGION}:{ACCOUNT}:{DEAD_LETTERS}", "maxReceiveCount": 3}}',
}
LONG_POLL = 1
"""Seconds."""

UNLUCKY = "bob@example.org"
MAILS = (
    Mail(id="sign-up-1", kind=Kind.SIGN_UP, to="ada@example.org", link="https://shop.example/confirm/1"),
    Mail(id="reset-1", kind=Kind.PASSWORD_RESET, to=UNLUCKY, link="https://shop.example/reset/1"),
    Mail(id="sign-up-2", kind=Kind.SIGN_UP, to="eve@example.org", link="https://shop.example/confirm/2"),
)
POISON = '{"kind": "newsletter"}'
"""What an older producer still sends: no worker can ever make a mail of it."""

PATIENCE = Intensity(restarts=30, within=60.0)
"""A poisoned message costs three restarts, and that is no reason to give up: by default a fourth within 30 s is."""


def only_the_story() -> None:
    """The runtime logs each crash with its traceback; beside the story's own lines that is too much to read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def tell_story(
    system: System, queue: MailQueue, dead_letters: MailQueue, smtp: SmtpServer
) -> list[str]:
    """Answers the bodies that ended in the dead-letter queue."""
    for mail in MAILS:
        await queue.put(mail.model_dump_json())
        print(f"queued     {mail.kind} to {mail.to}")
    await queue.put(POISON)
    print(f"queued     {POISON}")
    workers = [
        system.spawn(Spec(MailWorker, (queue, smtp, UNLUCKY), name=f"mail-worker-{number}"))
        for number in (1, 2)
    ]
    dead = await buried(queue, dead_letters)
    for worker in workers:
        await system.stop(worker)
    return dead


async def buried(queue: MailQueue, dead_letters: MailQueue) -> list[str]:
    """Empty the dead-letter queue until nothing is left in either; its long poll is what waits here."""
    dead: list[str] = []
    while True:
        left = await queue.left()
        job = await dead_letters.take()
        if job is not None:
            print(f"dead       {job.body}")
            await dead_letters.delete(job)
            dead.append(job.body)
        elif not left:
            return dead

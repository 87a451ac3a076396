"""The worker: takes a mail from the queue, sends it, deletes it. It catches nothing.

Whatever goes wrong, the worker crashes and its supervisor starts a new one. The mail was not deleted, so the queue
gives it out again when its visibility timeout ends; after three times it moves to the dead-letter queue.
"""

from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from actors import Actor, Message, StartReason, receive
from actors.actor import Restarted
from samples.transactional_email.mail import Mail, rendered
from samples.transactional_email.smtp import SmtpServer


@dataclass(frozen=True, slots=True)
class Job:
    """A message as a receive hands it out; `tries` counts how often, this time too."""

    body: str
    handle: str
    tries: int


class MailQueue(Protocol):
    """A queue as this sample uses it: once by boto3, once by asking the queue's actor."""

    async def put(self, body: str) -> None: ...
    async def take(self) -> Job | None:
        """The next message, or None after a long poll in which none came."""
        ...

    async def delete(self, job: Job) -> None: ...
    async def left(self) -> int:
        """Messages that wait or are in somebody's hands."""
        ...


class Unplugged(Exception):
    """Stands for what nobody foresees: the power, the kernel, a bug."""


class Work(Message[None]):
    """Do the next job; the worker tells it to itself, for ever."""


class MailWorker(Actor[Work]):
    """`unlucky` is an address at whose first mail the worker is unplugged in the middle of the job."""

    def __init__(self, queue: MailQueue, smtp: SmtpServer, unlucky: str) -> None:
        self.queue, self.smtp, self.unlucky = queue, smtp, unlucky

    @override
    async def started(self, reason: StartReason) -> None:
        if isinstance(reason, Restarted):
            print(f"worker     restarted after {type(reason.error).__name__}")
        self.ctx.tell(self.ctx.me, Work())

    @receive(Work)
    async def on_work(self, _: Work) -> None:
        # One at a time: of a batch, the mails behind the one that crashes would wait for their timeout as well.
        job = await self.queue.take()
        if job is not None:
            await self.send(job)
        self.ctx.tell(self.ctx.me, Work())

    async def send(self, job: Job) -> None:
        mail = Mail.model_validate_json(job.body)
        if mail.to == self.unlucky and job.tries == 1:
            raise Unplugged
        await self.smtp.send(rendered(mail))
        # A crash between these two lines sends the mail twice: at least once is what a queue can promise.
        await self.queue.delete(job)
        print(f"sent       {mail.kind} to {mail.to}, try {job.tries}")

"""Who sends reliably, who takes it, and who cannot: the cast of the tests of ReliableActor."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import trio
from typing_extensions import override

from actors import Actor, Address, Message, Ref, Spec, receive, receive_any
from actors.actor import StartReason
from actors.durable import Put, Stored
from actors.errors import (
    ActorError,
)
from actors.outbox import Deliver
from actors.reliable import ReliableActor, Sends
from actors.testing import harness
from runtime import Pattern, System
from runtime.lab.simulation import simulate
from runtime.store import Disk


class NotWanted(Exception):
    pass


class Note(Message[int], raises=(NotWanted,)):
    text: str


class Other(Message[None]):
    pass


class WithRef(Message[None]):
    ref: Ref[Any]


class Post(Message[None]):
    to: Address
    texts: Sequence[str]


class PostThenFail(Message[None]):
    to: Address


class PostOther(Message[None]):
    to: Address


class Look(Message[list[str]]):
    pass


class Sender(ReliableActor[Post | PostThenFail | PostOther | Look]):
    """Sends what it is told to, and keeps what came back."""

    sends: ClassVar[Sends] = (Note, Other)
    outbox_max = 5

    @override
    async def load(self, stored: Stored) -> None:
        self.back = [value.decode() for _, value in await stored.scan("back/")]

    @receive(Post)
    def on_post(self, message: Post) -> None:
        for text in message.texts:
            self.send(self.ctx.ref(message.to), Note(text=text))

    @receive(PostThenFail)
    def on_post_then_fail(self, message: PostThenFail) -> None:
        self.send(message.to, Note(text="never"))
        raise RuntimeError("after sending")

    @receive(PostOther)
    def on_post_other(self, message: PostOther) -> None:
        self.send(message.to, Other())

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return self.back

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        said = f"{type(message).__name__}: {type(why).__name__}: {why}"
        self.ctx.stage(Put(f"back/{len(self.back)}", said.encode()))
        self.back.append(said)


class Board(ReliableActor[Note | Look]):
    """Keeps notes in the order in which they came; what it does with one is in its text."""

    crashes: ClassVar[int] = 0
    refusals: ClassVar[int] = 0

    @override
    async def load(self, stored: Stored) -> None:
        self.notes = [value.decode() for _, value in await stored.scan("note/")]

    @receive(Note)
    async def on_note(self, message: Note) -> int:
        await self.ctx.read(["a row"])
        if message.text == "crash" or (message.text == "crash twice" and Board.crashes < 2):
            Board.crashes += 1
            raise RuntimeError("as it was told")
        if message.text == "refuse":
            Board.refusals += 1
            raise NotWanted(f"no {Board.refusals}")
        self.ctx.stage(Put(f"note/{len(self.notes):04}", message.text.encode()))
        self.notes.append(message.text)
        if message.text == "refuse too late":
            raise NotWanted("too late")
        return len(self.notes)

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return self.notes


class Relay(ReliableActor[Note | Look]):
    """Passes each note on to the address in its text, after a change of its own."""

    sends: ClassVar[Sends] = (Note,)
    outbox_max = 1

    @override
    async def load(self, stored: Stored) -> None:
        self.count = len(await stored.scan("passed/"))

    @receive(Note)
    def on_note(self, message: Note) -> int:
        self.ctx.stage(Put(f"passed/{self.count}", b""))
        self.count += 1
        self.send(Address(message.text), message)
        return self.count

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return [f"{self.count} passed on, {self.outbox_size} waiting"]

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None: ...


class Loop(ReliableActor[Note | Look]):
    """Sends to itself, from its first start on."""

    sends: ClassVar[Sends] = (Note,)

    @override
    async def load(self, stored: Stored) -> None:
        self.notes = [value.decode() for _, value in await stored.scan("note/")]

    @override
    async def started(self, reason: StartReason) -> None:
        if not self.notes and not self.outbox_size:
            self.send(self.ctx.me, Note(text="3"))

    @receive(Note)
    def on_note(self, message: Note) -> int:
        self.ctx.stage(Put(f"note/{len(self.notes):04}", message.text.encode()))
        self.notes.append(message.text)
        if (left := int(message.text) - 1) >= 0:
            self.send(self.ctx.me, Note(text=str(left)))
        return left

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return self.notes

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None: ...


class Later(ReliableActor[Note]):
    @receive(Note)
    def on_note(self, message: Note) -> Any:
        return self.ctx.defer("later")


class Volatile(Actor[Note]):
    @receive(Note)
    def on_note(self, message: Note) -> int:
        return 1


class ForAll(Actor[Note]):
    @receive_any
    def on_all(self, message: Any) -> int:
        return 1


def spec_of(kind: type[Actor[Any]], _: Address, idle_after: float | None = None) -> Spec[Any]:
    return Spec(kind, idle_after=idle_after)


SENDER, BOARD = Address("/sender/a"), Address("/board/b")
KINDS: dict[str, type[Actor[Any]]] = {
    "sender": Sender,
    "board": Board,
    "relay": Relay,
    "loop": Loop,
    "later": Later,
    "volatile": Volatile,
    "forall": ForAll,
}
PATTERNS = [Pattern("post", {name: partial(spec_of, kind) for name, kind in KINDS.items()})]


def run(
    disk: Disk,
    *asked: tuple[Address, Message[Any]],
    wait: float = 0.0,
    seed: int = 1,
    patterns: Sequence[Pattern] = PATTERNS,
) -> list[Any]:
    """Ask them, one after the other, on a node that starts on `disk`; before the last one `wait` seconds."""

    async def program(system: System) -> list[Any]:
        answers: list[Any] = []
        for number, (to, message) in enumerate(asked):
            if number == len(asked) - 1:
                await trio.sleep(wait)
            try:
                answers.append(await system.ref(to).ask(message))
            except ActorError as error:
                answers.append(error)
        return answers

    answers: list[Any] = simulate(program, seed=seed, patterns=patterns, disk=disk).result
    return answers


def post(*texts: str, to: Address = BOARD) -> tuple[Address, Message[Any]]:
    return SENDER, Post(to=to, texts=list(texts))


LOOK = (BOARD, Look())
BACK = (SENDER, Look())


def alone(kind: type[ReliableActor[Any]], **given: Any) -> Any:
    """A harness that takes the envelopes too, which no protocol lists."""
    return harness(kind, **given)


def delivery(sequence: int, text: str, *, stream: str = "s") -> Deliver:
    return Deliver(sender=SENDER, stream=stream, sequence=sequence, message=Note(text=text))

"""A record is written in pieces, with nothing that says where it ends: power that fails within leaves half, taken for the whole.

A batch is never torn, so this takes pieces in several commits. Mended: the last piece comes with their number, and what has none
is not there.
"""

from typing_extensions import override

from actors import Address, DurableActor, Message, Put, Ref, Spec, Stored, receive
from runtime import Pattern, System

PIECES = ("to be, ", "or not ", "to be")


class Keep(Message[None]):
    """Write all pieces, one after the other."""


class Piece(Message[None]):
    number: int


class Look(Message[str]):
    """What is kept; nothing if there is no record."""


class Scribe(DurableActor[Keep | Piece | Look]):
    @override
    async def load(self, stored: Stored) -> None:
        self.pieces = [value.decode() for _, value in await stored.scan("piece/")]
        self.ends = bool((await stored.get(["end"]))[0])

    @receive(Keep)
    def on_keep(self, _: Keep) -> None:
        self.pieces = []
        self.ctx.tell(self.ctx.me, Piece(number=0))

    @receive(Piece)
    def on_piece(self, message: Piece) -> None:
        number = message.number
        self.ctx.stage(Put(f"piece/{number}", PIECES[number].encode()))
        self.pieces.append(PIECES[number])
        if number + 1 < len(PIECES):
            self.ctx.tell(self.ctx.me, Piece(number=number + 1))
        else:
            self.end()

    def end(self) -> None:
        pass

    @receive(Look)
    def on_look(self, _: Look) -> str:
        return "".join(self.pieces) if self.whole() else ""

    def whole(self) -> bool:
        return True


class CarefulScribe(Scribe):
    @override
    def end(self) -> None:
        self.ctx.stage(Put("end", str(len(PIECES)).encode()))
        self.ends = True

    @override
    def whole(self) -> bool:
        return self.ends


PATTERNS = [Pattern("desk", {"scribe": lambda _: Spec(Scribe), "careful": lambda _: Spec(CarefulScribe)})]


async def writes(system: System, kind: str) -> None:
    scribe: Ref[Keep | Piece | Look] = system.ref(Address.of(kind, "one"))
    if not await scribe.ask(Look()):
        await scribe.ask(Keep())
        await system.dispatcher.quiet()
        await system.rooms.commit.quiet()
    assert await scribe.ask(Look()) == "".join(PIECES), "half a record was taken for the whole"


async def wrong(system: System) -> None:
    await writes(system, "scribe")


async def fixed(system: System) -> None:
    await writes(system, "careful")

"""Creatures meet in pairs at a mall and change their colours, until M meetings are over: contention on one mailbox."""

from actors import Actor, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.programs import COLOURS, complement


class Partner(Message[None]):
    colour: int


class Start(Message[None]):
    pass


class Over(Message[None]):
    pass


class Meet(Message[None]):
    creature: Ref[Partner | Over]
    colour: int


class Met(Message[None]):
    count: int


class Open(Message[int]):
    creatures: tuple[Ref[Start], ...]


class Creature(Actor[Start | Partner | Over]):
    def __init__(self, mall: Ref[Meet | Met], colour: int) -> None:
        self.mall, self.colour, self.met = mall, colour, 0

    @receive(Start)
    def on_start(self, message: Start) -> None:
        self.ctx.tell(self.mall, Meet(creature=self.ctx.me, colour=self.colour))

    @receive(Partner)
    def on_partner(self, message: Partner) -> None:
        self.met += 1
        self.colour = complement(self.colour, message.colour)
        self.ctx.tell(self.mall, Meet(creature=self.ctx.me, colour=self.colour))

    @receive(Over)
    def on_over(self, message: Over) -> None:
        self.ctx.tell(self.mall, Met(count=self.met))


class Mall(Actor[Open | Meet | Met]):
    def __init__(self, meetings: int) -> None:
        self.missing, self.meetings = 0, meetings
        self.waiting: Meet | None = None
        self.total = 0

    @receive(Open)
    def on_open(self, message: Open) -> Deferred[int]:
        for creature in message.creatures:
            self.ctx.tell(creature, Start())
        self.missing = len(message.creatures)
        return self.ctx.defer("end")

    @receive(Meet)
    def on_meet(self, message: Meet) -> None:
        if self.meetings == 0:
            self.ctx.tell(message.creature, Over())
        elif self.waiting is None:
            self.waiting = message
        else:
            other, self.waiting = self.waiting, None
            self.meetings -= 1
            self.ctx.tell(other.creature, Partner(colour=message.colour))
            self.ctx.tell(message.creature, Partner(colour=other.colour))

    @receive(Met)
    def on_met(self, message: Met) -> None:
        self.total += message.count
        self.missing -= 1
        if self.missing == 0:
            self.ctx.resolve("end", self.total)


async def callboard(system: System, watch: Stopwatch, creatures: int, meetings: int) -> int:
    mall = system.spawn(Spec(Mall, (meetings,)))
    born = tuple(system.spawn(Spec(Creature, (mall, number % COLOURS))) for number in range(creatures))
    with watch.running():
        return await mall.ask(Open(creatures=born))

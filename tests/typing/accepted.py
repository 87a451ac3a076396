"""What must type-check. Never run: the checkers read it as a part of the whole, and beside `refused.py`."""

from typing import assert_type

from actors import Actor, Deferred, Key, Message, Ref, Spec, receive
from patterns.routers import Gather, Gathered, broadcast, first_of, group, pool, round_robin
from runtime import System


class Deposit(Message[int]):
    amount: int


class Close(Message[None]):
    pass


class Rename(Message[str]):
    name: str


AccountMessage = Deposit | Close
AnyMessage = Deposit | Close | Rename


class Account(Actor[AccountMessage]):
    @receive(Deposit)
    def on_deposit(self, message: Deposit) -> int:
        return message.amount

    @receive(Close)
    async def on_close(self, message: Close) -> None:
        """A handler may be `def` or `async def`."""


class Slow(Actor[Deposit]):
    @receive(Deposit)
    def on_deposit(self, message: Deposit) -> int | Deferred[int]:
        return self.ctx.defer("only", deadline=1.0, on_deadline=message.amount)


async def an_ask_is_typed_as_the_reply_of_its_message(account: Ref[AccountMessage]) -> None:
    assert_type(await account.ask(Deposit(amount=1)), int)
    assert_type(await account.ask(Deposit(amount=1), within=2.0), int)
    await account.ask(Close())


async def a_tell_takes_every_message_of_the_protocol(account: Ref[AccountMessage]) -> None:
    await account.tell(Deposit(amount=1))
    await account.tell(Close())


async def a_ref_that_takes_more_stands_for_one_that_takes_less(wide: Ref[AnyMessage]) -> None:
    assert_type(await wide.ask(Rename(name="a")), str)
    narrow: Ref[AccountMessage] = wide
    narrower: Ref[Deposit] = narrow
    assert_type(await narrower.ask(Deposit(amount=1)), int)


def spawn_gives_a_ref_of_the_actors_protocol(system: System) -> None:
    assert_type(system.spawn(Spec(Account)), Ref[AccountMessage])
    assert_type(system.spawn(Spec(Slow)), Ref[Deposit])


async def a_router_is_a_ref_of_its_routees_protocol(system: System, account: Ref[AccountMessage]) -> None:
    key = Key[AccountMessage]("accounts")
    assert_type(system.registry.find(key), list[Ref[AccountMessage]])
    assert_type(system.spawn(group(round_robin(), [account])), Ref[AccountMessage])
    assert_type(system.spawn(group(first_of(2), key)), Ref[AccountMessage])
    workers = system.spawn(pool(round_robin(), Spec(Account), 2))
    assert_type(await workers.ask(Deposit(amount=1)), int)
    everyone = system.spawn(group(broadcast(), key))
    assert_type(await everyone.ask(Gather(Deposit(amount=1))), Gathered[int])

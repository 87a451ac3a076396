"""What must not type-check: each line that ends in `# refused` is an error to both checkers, and no other line is."""

from typing import Any

from actors import Actor, Key, Message, Ref, Spec, receive
from patterns.routers import Gather, broadcast, group, round_robin
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
    def on_close(self, message: Close) -> None: ...


class AnswersAnotherType(Actor[Deposit]):
    @receive(Deposit)  # refused
    def on_deposit(self, message: Deposit) -> str:
        return str(message.amount)


class AnswersAnotherTypeLater(Actor[Deposit]):
    @receive(Deposit)  # refused
    async def on_deposit(self, message: Deposit) -> str:
        return str(message.amount)


class TakesAnotherMessage(Actor[Deposit]):
    @receive(Deposit)  # refused
    def on_deposit(self, message: Rename) -> int:
        return len(message.name)


async def a_foreign_message_is_an_error(account: Ref[AccountMessage]) -> None:
    await account.ask(Rename(name="a"))  # refused
    await account.tell(Rename(name="a"))  # refused
    await account.ask("a")  # refused


async def a_reply_is_not_another_type(account: Ref[AccountMessage]) -> None:
    text: str = await account.ask(Deposit(amount=1))  # refused
    del text


async def a_field_has_its_type() -> None:
    Deposit(amount="a")  # refused
    Deposit(amuont=1)  # refused


def a_ref_that_takes_less_does_not_stand_for_one_that_takes_more(account: Ref[AccountMessage]) -> Ref[Any]:
    wide: Ref[AnyMessage] = account  # refused
    return wide


def spawn_gives_no_other_ref(system: System) -> Ref[Any]:
    renames: Ref[Rename] = system.spawn(Spec(Account))  # refused
    return renames


async def a_router_takes_no_other_message(system: System, account: Ref[AccountMessage]) -> None:
    router = system.spawn(group(round_robin(), [account]))
    await router.ask(Rename(name="a"))  # refused
    everyone = system.spawn(group(broadcast(), Key[AccountMessage]("accounts")))
    await everyone.ask(Gather(Rename(name="a")))  # refused
    await everyone.ask(Deposit(amount=1))  # refused


def a_key_finds_no_other_refs(system: System) -> Ref[Any]:
    found: list[Ref[Rename]] = system.registry.find(Key[AccountMessage]("accounts"))  # refused
    return found[0]

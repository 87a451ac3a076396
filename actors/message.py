"""What can be said to an actor: a message that names its reply, and the union of them that is a protocol.

`Ref[M].ask` accepts only an M and answers the message's own reply type. Python has no intersection
types, but a protocol can say "an M that is also a Message[R]", and mypy and pyright both infer R through it.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from actors.immutable import check_immutable

R = TypeVar("R")
M_co = TypeVar("M_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Message(BaseModel, Generic[R]):
    """A frozen message whose answer is an R: `class Deposit(Message[int]): amount: int`.

    `raises` names its refusals: `class Post(Message[int], raises=(NotAMember,))`. A refusal goes to the
    asker and leaves the actor alone; any other exception out of a handler is a crash. Made with a field that does
    not fit it raises pydantic's ValidationError; within the process it is passed as it is, never copied or checked again.
    So no field may hold what can be changed, a list or a dict: MutableMessage when the class is created.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    refusals: ClassVar[tuple[type[Exception], ...]] = ()

    @override
    def __init_subclass__(cls, *, raises: tuple[type[Exception], ...] = (), **config: Any) -> None:
        super().__init_subclass__(**config)
        if raises:
            _check_refusals(cls.__name__, raises)
            cls.refusals = raises

    @override
    @classmethod
    def __pydantic_init_subclass__(cls, **config: Any) -> None:
        super().__pydantic_init_subclass__(**config)
        check_immutable(cls)

    def _self(self) -> Self:
        return self

    def _reply(self) -> R:
        raise NotImplementedError  # only the type checkers look at it


def _check_refusals(name: str, raises: object) -> None:
    """The runtime matches what a handler raises against them outside the actor's boundary. Raises TypeError."""
    refusals = cast("tuple[object, ...]", raises) if isinstance(raises, tuple) else (None,)
    if not all(isinstance(one, type) and issubclass(one, Exception) for one in refusals):
        raise TypeError(f"{name}: raises is a tuple of exceptions, raises=(ValueError,), not {raises!r}")


class Fits(Protocol[M_co, R_co]):
    """An M that is also a Message[R]."""

    def _self(self) -> M_co: ...
    def _reply(self) -> R_co: ...


class Deferred(Generic[R_co]):
    """A handler returns it instead of a reply: the asker stays, the actor is free (`ctx.defer`, `stash`, `forward`)."""

    __slots__ = ("deadline", "key", "on_deadline", "taken")

    def __init__(
        self,
        key: str,
        deadline: float | None,
        on_deadline: Any,
        taken: Callable[[Any, Any, Any], None] | None = None,
    ) -> None:
        self.key = key
        self.deadline = deadline
        self.on_deadline = on_deadline
        self.taken = taken
        """Takes the message, its asker's end and its envelope over, when it does not wait under a key."""

    def _answers(self) -> R_co:
        raise NotImplementedError  # only the type checkers look at it


AsMessage = Callable[[Any], Message[Any]]
"""What makes a message of the actor's own of some news, such as the end of whom it watches."""

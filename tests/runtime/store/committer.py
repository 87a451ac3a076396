"""A process that commits until it is killed, and says on stdout what has been acknowledged: `committer.py FOLDER`."""

import sys

import trio

from actors.address import Address
from actors.durable import Append, Put, Write
from runtime.store import Batch, Durable, SqliteStore


async def main() -> None:
    store = SqliteStore(sys.argv[1], lambda: 1.0)
    actors = [Address("/a"), Address("/b")]
    count = await store.version(actors[0])
    while True:
        writes: list[Write] = [Put(f"{count:06d}", bytes(300)), Append("log", count, b"%d" % count)]
        outcomes = await store.commit([Batch(actor, count, writes) for actor in actors])
        count += 1
        assert outcomes == [Durable(count), Durable(count)], outcomes
        sys.stdout.write(f"{count}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main)

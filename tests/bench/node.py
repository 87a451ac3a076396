"""A node to be loaded, in a process of its own: `python -m tests.bench.node memory|durable FOLDER`. Prints its URL."""

import sys
from pathlib import Path

import trio

from patterns.queue.pattern import pattern
from runtime.cli import SWITCH_INTERVAL
from runtime.config import LogFormat, Settings
from runtime.node import open_node
from runtime.observe import logs


async def main(kind: str, folder: Path) -> None:
    settings = Settings(port=0, data=folder if kind == "durable" else None)
    async with open_node(settings, [pattern]) as node:
        print(node.url, flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    logs.configure(LogFormat.TEXT)
    sys.setswitchinterval(SWITCH_INTERVAL)
    trio.run(main, sys.argv[1], Path(sys.argv[2]))

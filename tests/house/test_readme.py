"""README.md runs: each Python block is a program of its own, the boto3 one against a real node; its tables are true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from patterns.queue.aws import SQS
from patterns.queue.pattern import pattern
from runtime.cli import tree, up
from runtime.config import Settings
from runtime.door.aws.model import Model
from runtime.node import open_node

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
TESTS = [block for block in BLOCKS if "def test_" in block]
WIRE = [block for block in BLOCKS if "boto3.client" in block and "simulate_node" not in block]
ALONE = [block for block in BLOCKS if block not in WIRE and block not in TESTS]
DEFAULT_ENDPOINT = "http://127.0.0.1:4566"
PRINTED = {
    "class Account": "5",
    "Auction": "False ann",
    "Wallet": "5",
    "class Shop": "order-7: 500",
    "Till": "/till/shop 130\n/till/bank 30",
    "class Worker": "49\n[4, 4, 4, 4]",
    "open_node": "http://127.0.0.1:",
    "SendEntry": "one pizza",
    "class Purse": "AssertionError()",
    "simulate_node": "['book', 'book']",
}


async def run_block(block: str) -> str:
    command = [sys.executable, "-W", "error", "-c", block]
    env = {"PYTHONPATH": str(ROOT)}
    done = await trio.run_process(
        command, capture_stdout=True, stderr=subprocess.STDOUT, env=env, check=False
    )
    output = done.stdout.decode()
    assert done.returncode == 0, output
    return output


@pytest.mark.parametrize("word", PRINTED)
async def test_a_block_that_stands_alone_runs_and_prints_what_it_says(word: str) -> None:
    blocks = [block for block in ALONE if word in block]
    assert len(blocks) == 1
    assert PRINTED[word] in await run_block(blocks[0])


def test_every_python_block_is_run_by_a_test() -> None:
    assert len(ALONE) == len(PRINTED)
    assert len(WIRE) == 1
    assert len(TESTS) == 1


async def test_the_block_of_tests_is_green_beside_the_conftest_that_it_names(tmp_path: Path) -> None:
    (line,) = re.findall(r"^`(pytest_plugins = .*?)`", README, re.MULTILINE)
    (tmp_path / "conftest.py").write_text(line, encoding="utf-8")
    (tmp_path / "test_readme.py").write_text(TESTS[0], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    done = await trio.run_process(
        command, capture_stdout=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    output = done.stdout.decode()
    assert f"{TESTS[0].count('def test_')} passed" in output, output


@pytest.mark.wire
async def test_the_boto3_block_sends_and_receives_at_a_real_node() -> None:
    assert DEFAULT_ENDPOINT in WIRE[0]
    async with open_node(Settings(port=0, data=None), [pattern]) as node:
        output = await run_block(WIRE[0].replace(DEFAULT_ENDPOINT, node.url))
    assert output == "one pizza\n"


def operations(state: str) -> set[str]:
    rows = re.findall(r"^\| SQS \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    return {name.strip() for names, found in rows if found == state for name in names.split(",")}


def test_the_table_names_each_operation_of_sqs_once_and_truly() -> None:
    built = set(SQS.operations)
    assert operations("built") == built
    assert operations("answers NotImplemented") == set(Model("sqs").operations) - built


def test_every_option_of_the_command_line_stands_in_readme_with_its_environment_name() -> None:
    for option in (*up.params, *tree.params):
        names = [option.opts[0], *([str(option.envvar)] if option.envvar else [])]
        assert [name for name in names if f"`{name}`" not in README and f"[{name}" not in README] == []

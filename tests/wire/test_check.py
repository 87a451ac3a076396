"""`callboard check` on the folder of a real node: stopped, running, spoilt, absent."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.wire.aws_sdk import sqs
from tests.wire.nodes import REGION, node, run

pytestmark = pytest.mark.wire


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Of a stopped node: an account's names, and two queues with a message each."""
    folder = tmp_path / "data"
    with node(tmp_path, data=folder) as running:
        client = sqs(running.url)
        for name in ("orders", "returns.fifo"):
            fifo = name.endswith(".fifo")
            attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
            url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
            client.send_message(QueueUrl=url, MessageBody="a", **({"MessageGroupId": "g"} if fifo else {}))
        running.stop()
    return folder


def rows(data: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(data / "callboard.db")) as db:
        return db.execute("select * from rows, actors order by 1").fetchall()


def test_what_this_release_has_written_it_can_read_back_and_the_check_changes_no_row(
    tmp_path: Path, data: Path
) -> None:
    before = rows(data)
    checked = run(tmp_path, "check", "--data", str(data))
    assert (checked.returncode, checked.stdout) == (0, "3 actors can be read back, 0 cannot.\n")
    assert rows(data) == before


def test_a_message_row_of_a_later_version_is_named_with_its_queue_and_the_exit_code_is_one(
    tmp_path: Path, data: Path
) -> None:
    with closing(sqlite3.connect(data / "callboard.db")) as db:
        db.execute(
            "update rows set value = cast(x'09' || substr(value, 2) as blob) where key like 'msg/%' and actor = (select id from actors where address like '%orders')"
        )
        db.commit()
    checked = run(tmp_path, "check", "--data", str(data))
    named, summary = checked.stdout.splitlines()
    assert checked.returncode == 1
    assert "/orders  " in named
    assert "a message row of version 9" in named
    assert summary == "2 actors can be read back, 1 cannot."


def spoil(file: Path, key: str) -> None:
    """Put zeros over the pages that hold a key: what a broken disk does."""
    pages = [file.read_bytes()[at : at + 4096] for at in range(0, file.stat().st_size, 4096)]
    file.write_bytes(b"".join(bytes(4096) if key.encode() in page else page for page in pages))


def test_a_damaged_file_is_named_by_the_check_and_by_the_node_that_is_started_on_it(
    tmp_path: Path, data: Path
) -> None:
    file = data / "callboard.db"
    spoil(file, "name/orders")
    checked = run(tmp_path, "check", "--data", str(data))
    assert checked.returncode == 1
    assert f"{file} is damaged: " in checked.stdout
    with node(tmp_path, data=data) as running:
        running.stop()
        assert "store_damaged" in running.said()


def test_the_folder_of_a_running_node_is_refused_with_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with node(tmp_path, data=folder):
        checked = run(tmp_path, "check", "--data", str(folder))
    assert checked.returncode == 1
    assert "in use by another node" in checked.stderr
    assert len(checked.stderr.splitlines()) == 1


def test_a_folder_in_which_nothing_is_kept_is_refused_and_not_made(tmp_path: Path) -> None:
    checked = run(tmp_path, "check", "--data", "nowhere")
    assert checked.returncode == 1
    assert checked.stderr == "Error: data folder nowhere: no node has kept anything there\n"
    assert not (tmp_path / "nowhere").exists()


def test_samples_saved_by_one_release_are_read_by_the_next_and_what_it_cannot_read_is_named(
    tmp_path: Path, data: Path
) -> None:
    folder = tmp_path / "samples"
    assert run(tmp_path, "check", "--data", str(data), "--save", str(folder)).returncode == 0
    good = run(tmp_path, "check", "--against", str(folder))
    assert (good.returncode, good.stdout) == (0, "3 samples can be read back, 0 cannot.\n")
    (names,) = [file for file in folder.iterdir() if '"name/orders"' in file.read_text()]
    names.write_text(names.read_text().replace('"name/orders":"[1,', '"name/orders":"[2,'))
    bad = run(tmp_path, "check", "--against", str(folder))
    assert bad.returncode == 1
    assert (
        f"{names.name}  /queue/000000000000/{REGION}  AssertionError: a row of the names of version 2"
        in bad.stdout
    )
    assert "2 samples can be read back, 1 cannot." in bad.stdout


def test_a_folder_without_samples_proves_nothing_and_is_refused(tmp_path: Path) -> None:
    checked = run(tmp_path, "check", "--against", str(tmp_path))
    assert checked.returncode == 1
    assert "holds no samples" in checked.stderr


def test_a_data_folder_and_samples_at_once_are_refused(tmp_path: Path) -> None:
    checked = run(tmp_path, "check", "--against", str(tmp_path), "--data", str(tmp_path))
    assert checked.returncode == 2
    assert "--data is read, or the samples of --against: choose" in checked.stderr

"""The queue through AWS's SDK for JavaScript.

cd tests/wire/js && npm install --no-save --no-package-lock @aws-sdk/client-sqs
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.wire.nodes import RunningNode

pytestmark = [pytest.mark.wire, pytest.mark.slow]

SCRIPT = Path(__file__).parent / "js" / "queue.mjs"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.skipif(
    not (SCRIPT.parent / "node_modules" / "@aws-sdk" / "client-sqs").exists(),
    reason="tests/wire/js has no node_modules: see this file's first lines",
)
def test_the_sdk_for_javascript_does_a_whole_round(shared_node: RunningNode) -> None:
    assert NODE is not None
    ended = subprocess.run(
        [NODE, str(SCRIPT), shared_node.url],
        env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr

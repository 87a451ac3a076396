"""One program by one framework, in this process: `python -m tests.bench.savina.one PROGRAM FRAMEWORK SCALE`; prints JSON."""

import json
import sys

from tests.bench.savina import harness

if __name__ == "__main__":
    print(json.dumps(harness.run(*sys.argv[1:4])), flush=True)

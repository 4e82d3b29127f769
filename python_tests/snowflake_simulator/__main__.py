"""python -m python_tests.snowflake_simulator --port 9110"""

from __future__ import annotations

import argparse
import signal
import threading

from python_tests.snowflake_simulator.server import running_simulator


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m python_tests.snowflake_simulator")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--database", action="append", help="ANALYTICS when none is given")
    parser.add_argument("--warehouse", action="append", help="TRANSFORMING when none is given")
    parser.add_argument("--role", action="append", help="TRANSFORMER when none is given")
    given = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with running_simulator(
        port=given.port,
        databases=given.database or ["ANALYTICS"],
        warehouses=given.warehouse or ["TRANSFORMING"],
        roles=given.role or ["TRANSFORMER"],
    ) as simulator:
        print(f"http://{simulator.host}:{simulator.port}", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()

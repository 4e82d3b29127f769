"""A Snowflake simulator for the tests, on DuckDB. README.md says what it is faithful to."""

from python_tests.snowflake_simulator.server import Simulator, running_simulator

__all__ = ["Simulator", "running_simulator"]

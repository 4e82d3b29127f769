"""Run the package on a Snowflake account, in schemas of its own, and say item by item what holds.

python -m scripts.check_snowflake, or make snowflake-check. docs/snowflake_check.md says more.
Not yet run on an account: so far it has run against the simulator of the tests only.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from dbt.adapters.snowflake.connections import SnowflakeCredentials
from dbt.config.renderer import ProfileRenderer
from snowflake.connector.errors import DatabaseError, Error

from demo.generate import IncidentSettings, generate
from python_tests.warehouse import ROOT
from scripts.snowflake_items import (
    FEW_ATTEMPTS,
    ITEMS,
    LOGIN_SECONDS,
    Check,
    Item,
    NotPossibleError,
    Scratch,
)

NOT_RUN = (
    "This script has not yet been run on an account: so far only against the simulator of the "
    "tests."
)

PREFIX = "EXACTLY_ONCE_CHECK_"

# Error numbers of Snowflake
NOT_THERE, NOT_ALLOWED, NO_OBJECT = 2003, 3001, 2043
# of one's own, and of somebody else's that is not shown
ALREADY_THERE = (2002, 3041)


class RefusedError(Exception):
    """What the account or the caller must put right before anything can be checked."""

    def __init__(self, what: str, found: str, accepted: str, remedy: str) -> None:
        super().__init__(f"{what}: found {found}; accepted: {accepted}. {remedy}")


def read_target(folder: Path, target: str) -> tuple[SnowflakeCredentials, dict[str, Any]]:
    """The credentials of a target in profiles.yml, and the target as it is written there."""
    try:
        outputs = yaml.safe_load((folder / "profiles.yml").read_text())["exactly_once"]["outputs"]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise RefusedError(
            f"{folder / 'profiles.yml'}",
            f"no profile exactly_once that can be read: {error!r}",
            "a profile exactly_once with outputs",
            "Name its folder with --profiles-dir; profiles.yml.example is one to start from.",
        ) from error
    output = outputs.get(target)
    if output is None or output.get("type") != "snowflake":
        raise RefusedError(
            f"target {target} of {folder / 'profiles.yml'}",
            "none" if output is None else f"type {output.get('type')}",
            "a target of type snowflake",
            f"Take one of: {', '.join(outputs)}.",
        )
    needed = re.findall(r"env_var\('(\w+)'\)", str(output).replace('"', "'"))
    missing = [name for name in needed if not os.environ.get(name)]
    if missing:
        raise RefusedError(
            "the environment",
            f"no {', '.join(missing)}",
            f"a value for each of {', '.join(needed)}",
            "Set what is missing: profiles.yml.example says what each one is.",
        )
    rendered = ProfileRenderer({}).render_data(output)
    fields = {name: value for name, value in rendered.items() if name not in ("type", "threads")}
    return SnowflakeCredentials.from_dict(SnowflakeCredentials.translate_aliases(fields)), output


def log_in(scratch: Scratch) -> None:
    """Refuse an account, a user, a role or a warehouse that can't be used."""
    given = scratch.credentials
    try:
        # its own login: with this timeout of the socket a long query would be cut off
        scratch.connect(socket_timeout=LOGIN_SECONDS).close()
    except (
        Error,
        OSError,
        ValueError,
        TypeError,
    ) as error:  # the last three: a key that can't be read
        host = given.host or f"{given.account}.snowflakecomputing.com"
        raise RefusedError(
            f"account {given.account}",
            f"no login as {given.user} with role {given.role} at {host}: {error}",
            "an account that answers, a user and a key that it knows, a role granted to the user",
            "Correct SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER, SNOWFLAKE_PRIVATE_KEY_PATH or "
            "SNOWFLAKE_ROLE, or the network.",
        ) from error
    warehouse, role = scratch.query(
        "select current_warehouse() as warehouse, current_role() as role"
    )[0].values()
    if warehouse is None:
        raise RefusedError(
            f"warehouse {given.warehouse}",
            f"none of this name that role {role} may use",
            "a warehouse with USAGE for the role",
            f"Set SNOWFLAKE_WAREHOUSE, or run: grant usage on warehouse {given.warehouse} "
            f"to role {role}",
        )


def raw_schema(scratch: Scratch) -> str:
    """The schema that this script makes itself, as Snowflake shows it."""
    return f"{scratch.prefix}_RAW".upper()


def make_raw_schema(scratch: Scratch) -> None:
    """Refuse a prefix that is taken, or a role that may not make schemas and own them."""
    database, role = scratch.credentials.database, scratch.value("select current_role()")
    schema = raw_schema(scratch)
    try:
        taken = leftovers(scratch)
        if taken:
            raise RefusedError(
                f"prefix {scratch.prefix}",
                f"schemas that are there already: {', '.join(taken)}",
                "a prefix that no schema has",
                f"Give another --prefix, or remove them: --remove {scratch.prefix}",
            )
        scratch.has_schemas = True
        scratch.execute(f"create schema {database}.{schema}")
    except DatabaseError as error:
        scratch.has_schemas = False
        if error.errno in ALREADY_THERE:
            raise RefusedError(
                f"prefix {scratch.prefix}",
                f"schema {schema}, which somebody else owns and role {role} may not see",
                "a prefix that no schema has",
                "Give another --prefix.",
            ) from error
        if error.errno == NOT_ALLOWED:
            raise RefusedError(
                f"role {role}",
                f"no CREATE SCHEMA on database {database}",
                "a role that may make schemas",
                f"Run: grant create schema on database {database} to role {role}",
            ) from error
        if error.errno in (NOT_THERE, NO_OBJECT):
            raise RefusedError(
                f"database {database}",
                f"none of this name that role {role} may use",
                "a database with USAGE and CREATE SCHEMA for the role",
                "Set SNOWFLAKE_DATABASE, or run: "
                f"grant usage, create schema on database {database} to role {role}",
            ) from error
        raise
    for grant in scratch.query(f"show grants on schema {database}.{schema}"):
        owner = grant["grantee_name"]
        is_owner = f"select is_role_in_session('{owner}')"
        if grant["privilege"] == "OWNERSHIP" and not scratch.value(is_owner):
            raise RefusedError(
                f"schema {schema}, just made",
                f"owner {owner}",
                f"role {role} as the owner: a swap needs OWNERSHIP of both schemas",
                f"A future grant gives new schemas away. Run: revoke ownership on future schemas "
                f"in database {database} from role {owner}",
            )


def leftovers(scratch: Scratch) -> list[str]:
    """The schemas that begin with the prefix."""
    shown = scratch.query(f"show terse schemas in database {scratch.credentials.database}")
    names = [str(row["name"]) for row in shown]
    return sorted(name for name in names if name.upper().startswith(f"{scratch.prefix.upper()}_"))


def remove(scratch: Scratch, made: str | None = None) -> bool:
    """Drop every schema of the prefix; whether all are gone, the one that was made among them."""
    try:
        try:
            found = leftovers(scratch)
        except Error:
            scratch.open = None  # once more, in a session of its own
            found = leftovers(scratch)
        for name in found:
            try:
                scratch.execute(f'drop schema {scratch.credentials.database}."{name}" cascade')
            except Error as error:
                print(f"not removed: {name}: {error.msg}")
        left = leftovers(scratch)
        if made and made not in found:
            left.append(f"{made}, which is not shown to this role any more")
    except Error as error:
        print(f"could not look for schemas to remove: {error.msg}")
        left = [f"{scratch.prefix}_*"]
    if left:
        print(f"Left behind: {', '.join(left)}. To remove: --remove {scratch.prefix}")
        return False
    print(f"Removed all {len(found)} schemas that it made.")
    return True


def run_items(check: Check, skipped: Sequence[str], stop: Stop) -> bool:
    """Print a line for each item; whether none failed."""
    counts = {"pass": 0, "FAIL": 0, "not possible here": 0, "not run": 0}
    stopped_by = ""
    for item in ITEMS:
        began = time.monotonic()
        outcome, said = "not run", stopped_by or "left out"
        if not stopped_by and item.name not in skipped:
            outcome, said = run_item(item, check)
            if outcome == "FAIL" and item.is_step:
                stopped_by = f"needs {item.name}"
        if stop.signal:
            raise SystemExit(128 + stop.signal)  # dbt may have taken the first one for an error
        counts[outcome] += 1
        print(f"{outcome:17}  {time.monotonic() - began:4.0f} s  {item.name}: {said}", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return counts["FAIL"] == 0


def run_item(item: Item, check: Check) -> tuple[str, str]:
    """What became of an item, in one line."""
    try:
        return "pass", item.check(check)
    except NotPossibleError as why:
        return "not possible here", str(why)
    except Exception as error:  # an account may answer in ways that nobody has thought of
        text = " ".join(str(error).split())
        if "The simulator does not imitate" in text:
            return "not possible here", text[text.index("The simulator") :]
        return "FAIL", f"{type(error).__name__}: {text[:600]}"


class Stop:
    """Ctrl-C, or a scheduler's SIGTERM: ends the items, a second one the removal too."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, prefix: str) -> None:
        """`prefix` is that of the schemas, for who leaves them behind."""
        self.signal = 0
        self.prefix = prefix
        self.is_removing = False
        self.is_warned = False

    def __call__(self, number: int, _frame: object) -> None:
        """Handle a signal."""
        if self.is_removing and not self.is_warned:
            self.is_warned = True
            print("Removing the schemas that it made. Once more leaves them behind.", flush=True)
            return
        if self.is_removing:
            print(f"Left behind: {self.prefix}_*. To remove: --remove {self.prefix}", flush=True)
        self.signal = number
        raise SystemExit(128 + number)

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Handle signals inside."""
        before = {number: signal.signal(number, self) for number in self.SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def main(arguments: list[str] | None = None) -> int:
    """Check an account; 0 when nothing failed and nothing was left behind."""
    parser = argparse.ArgumentParser(prog="python -m scripts.check_snowflake", description=NOT_RUN)
    parser.add_argument("--profiles-dir", type=Path, default=ROOT, help="where profiles.yml is")
    parser.add_argument("--target", default="snowflake", help="a target of profiles.yml")
    parser.add_argument("--events", type=int, default=2000, help="events before copying")
    parser.add_argument("--prefix", help="of the schemas to make; otherwise a new one")
    parser.add_argument("--reader-role", help="a role of this user that owns nothing here")
    parser.add_argument("--incident-warehouse", help="another one, for detection and repair")
    parser.add_argument("--skip", action="append", default=[], choices=[i.name for i in ITEMS])
    parser.add_argument("--remove", metavar="PREFIX", help="only remove what a killed run left")
    given = parser.parse_args(arguments)
    logging.getLogger("snowflake.connector").setLevel(logging.CRITICAL)
    os.environ.update(FEW_ATTEMPTS)
    prefix = (given.remove or given.prefix or PREFIX + secrets.token_hex(3)).upper()
    print(NOT_RUN)
    try:
        # --remove must not reach schemas that this script has not made
        if not re.fullmatch(PREFIX + r"\w+", prefix):
            accepted = f"{PREFIX} and letters, digits or _"
            raise RefusedError("the prefix", prefix, accepted, "Give another one, or none.")
        scratch = Scratch(*read_target(given.profiles_dir, given.target), prefix)
        log_in(scratch)
        if given.remove:
            return 0 if remove(scratch) else 1
        stop = Stop(prefix)
        with stop.heard():
            return _check(scratch, given, stop)
    except RefusedError as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 2


def _check(scratch: Scratch, given: argparse.Namespace, stop: Stop) -> int:
    passed, removed = False, True
    with tempfile.TemporaryDirectory() as work:
        try:
            make_raw_schema(scratch)
            made = f"{scratch.credentials.database}.{scratch.prefix}_*"
            print(f"Schemas {made}, removed at the end", flush=True)
            scratch.make_project(Path(work) / "dbt")
            settings = IncidentSettings(
                events=given.events,
                stray_rate=0.0,
                copy_straggler_rate=0.0,
                incomplete_key_rate=0.0,
                planted=False,
            )
            truth = generate(settings, Path(work))
            check = Check(scratch, truth, given.reader_role, given.incident_warehouse)
            passed = run_items(check, given.skip, stop)
        finally:
            stop.is_removing = True
            if scratch.has_schemas:
                removed = remove(scratch, raw_schema(scratch))
            scratch.close()
    return 0 if passed and removed else 1


if __name__ == "__main__":
    sys.exit(main())

"""A command that a verb prints runs as it stands."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from python_tests.warehouse import DbtError, Project, Warehouse

PLAIN = ("INC-1", "PAY_4711.b", "detected_20260301T1000", "nothing", "e1")
ODD = (
    *("2026", "0012", "007", "1e3", "0x1F", "1_000", "12:30:00", ".5", "2026-03-01"),
    *("yes", "No", "ON", "off", "true", "FALSE", "null", "Null", "y", "N", "~", "", " "),
    *("INC: 3", "INC-7 #2", "O'Neil", "''", '"', 'a"b', "a\\b", "\\n", "{a}", "[a]", "a, b: c"),
    *("*a", "&a", "!a", "%a", "@a", "`a`", "$(a)", "- a", "? a", "a\nb", "a\tb", "INC-1\n", "\x7f"),
    *("Störung", "\u200b", "\ufeff", "\x85", "\u2028", "😀", "\U000e0001"),
)
# what a warehouse holds as text
IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
COMMANDS = (
    "_verb_command('remediation_clone', id)",
    "_verb_command('remediation_plan', id, 'max_share: 0.5')",
    "_build_command(id)",
    "_replaced_build_command(id)",
    "_rollback_at_once(id)",
)


@pytest.fixture(scope="module")
def printing(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse without anything in it."""
    return Warehouse(project, tmp_path_factory.mktemp("printing"))


def printed(warehouse: Warehouse, ids: Sequence[str], *commands: str) -> list[list[str]]:
    """These commands for each incident."""
    said = ", ".join(f"exactly_once.{command}" for command in commands)
    query = (
        f"{{% set said = [] %}}{{% for id in {list(ids)!a} %}}"
        f"{{% do said.append([{said}]) %}}{{% endfor %}}"
        "select {{ exactly_once.text_literal(tojson(said)) }} as said"
    )
    shown = warehouse.dbt("show", "--inline", query)
    found: list[list[str]] = json.loads(shown.results[0].agate_table.rows[0][0])
    return found


def typed(command: str) -> dict[str, Any]:
    """The --args or --vars of a command, as a shell and dbt read them."""
    words = shlex.split(command)
    assert words[0] == "dbt"
    assert words[-2] in ("--args", "--vars")
    found: dict[str, Any] = yaml.safe_load(words[-1])
    return found


@settings(max_examples=10)
@given(ids=st.lists(IDS, min_size=20, max_size=200))
@example(ids=[*PLAIN, *ODD])
def test_a_shell_and_yaml_read_the_id_that_was_printed(printing: Warehouse, ids: list[str]) -> None:
    for id_, commands in zip(ids, printed(printing, ids, *COMMANDS), strict=True):
        read_ids = [typed(command) for command in commands]
        names = [*["incident_id"] * 3, "exactly_once__build_replaced", "incident_id"]
        assert [found[name] for found, name in zip(read_ids, names, strict=True)] == [id_] * 5


def test_bash_reads_what_shlex_reads(printing: Warehouse) -> None:
    commands = [command for (command,) in printed(printing, ODD, COMMANDS[0])]
    script = "\n".join(f"printf '%s\\0' {command}" for command in commands)
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split("\0")[:-1] == [word for line in commands for word in shlex.split(line)]


def test_a_plain_id_is_printed_bare(printing: Warehouse) -> None:
    assert printed(printing, PLAIN, COMMANDS[0]) == [
        [f"dbt run-operation remediation_clone --args '{{incident_id: {id_}}}'"] for id_ in PLAIN
    ]


VERBS = (
    *(f"remediation_{verb}" for verb in ("clone", "plan", "validate", "status", "swap")),
    *("remediation_rollback", "remediation_retire", "raw_quarantine", "raw_restore"),
)


@pytest.mark.parametrize("verb", VERBS)
def test_an_incident_id_that_yaml_does_not_read_as_text_is_refused(
    printing: Warehouse, verb: str
) -> None:
    read_as = {
        "2026": "2026, a number",
        "0012": "10, a number",
        "yes": "True, which is true or false",
        "2026-03-01": "2026-03-01, a time",
        "null": "None, no text",
        "[INC-1]": "['INC-1'], no text",
    }
    for text, found in (
        read_as.items() if verb == "remediation_clone" else [("2026", "2026, a num")]
    ):
        with pytest.raises(DbtError) as stopped:
            printing.dbt("run-operation", verb, "--args", f"{{incident_id: {text}}}")
        assert f"incident_id: found {found}" in str(stopped.value)
        assert f"dbt run-operation {verb} --args '{{incident_id: \"0012\"}}'" in str(stopped.value)

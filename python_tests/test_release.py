"""What a release says of itself agrees: the version is in four places."""

from __future__ import annotations

import re
import sys

import yaml

from python_tests.warehouse import ROOT
from scripts import licences


def test_the_version_is_the_same_everywhere() -> None:
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ledger = (ROOT / "macros" / "audit" / "_ledger.sql").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"(?:^## \[|^This will be )(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    revision = re.search(r"revision: (\S+)", readme)
    recorded = re.search(r"_package_version\(\).*?return\('([^']+)'\)", ledger, re.DOTALL)
    assert newest
    assert revision
    assert recorded
    assert newest[1] == revision[1] == recorded[1] == str(project["version"])


def test_the_versions_of_dbt_are_the_same_everywhere() -> None:
    """`make oldest-dbt` tries the oldest, and every test what is locked."""
    texts = {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in ("dbt_project.yml", "requirements.lock", "docs/adopt.md", "docs/faq.md")
    }
    oldest = re.search(r'^require-dbt-version: \[">=([\d.]+)"', texts["dbt_project.yml"], re.M)
    locked = re.search(r"^dbt-core==([\d.]+)", texts["requirements.lock"], re.M)
    assert oldest
    assert locked
    in_docs = r"1\.11\.\d+"
    assert set(re.findall(in_docs, texts["docs/adopt.md"])) == {oldest[1]}
    assert set(re.findall(in_docs, texts["docs/faq.md"])) == {oldest[1], locked[1]}


def test_adopters_are_told_what_python_models_import() -> None:
    """On DuckDB they run where dbt is, which brings no more than the standard library for sure."""
    models = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("models/*/*.py"))
    imported = set(re.findall(r"^ *(?:import|from) (\w+)", models, re.MULTILINE))
    needed = imported - sys.stdlib_module_names - {"snowflake"}
    adopt = (ROOT / "docs" / "adopt.md").read_text(encoding="utf-8")
    assert set(re.findall(r"pip install (\w+)", adopt)) == needed


def test_the_make_targets_that_documents_name_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {
        name
        for document in documents
        for name in re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8"))
    }
    assert named <= targets
    assert {"setup", "demo", "test"} <= targets


def test_each_locked_package_is_listed_with_a_licence_that_may_be_used() -> None:
    """A new one under another licence asks for a reason."""
    assert licences.PAGE.read_text(encoding="utf-8") == licences.page(), (
        "Run: .venv/bin/python scripts/licences.py"
    )


def test_a_licence_needs_a_word_only_if_no_way_to_read_it_is_free() -> None:
    asked = {
        "MIT": False,
        "BSD-3-Clause AND Zlib": False,
        "GPL-2.0-only OR MIT": False,
        "MIT AND (GPL-3.0 OR Apache-2.0)": False,
        "MPL-2.0": True,
        "MIT AND MPL-2.0": True,
        "MPL-2.0 AND (Apache-2.0 OR MIT)": True,
        "GPL-3.0 OR Artistic-1.0": True,
        "None": True,
    }
    assert {licence: licences.needs_a_word(licence) for licence in asked} == asked

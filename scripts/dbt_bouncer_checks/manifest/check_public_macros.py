"""Two conventions that dbt-bouncer has no check for, because it can't tell public macros apart.

A macro is public unless its name starts with an underscore or is a variant for one engine.
"""

import re
from pathlib import PurePosixPath
from typing import Any

from dbt_bouncer.check_framework.decorator import check, fail
from dbt_common.clients.jinja import parse
from jinja2 import nodes

ENGINE = re.compile(r"^(default|duckdb|snowflake|spark|databricks)__")
TEST = re.compile(r"^test_")
MATERIALIZATION = re.compile(r"^materialization_(.*)_[a-z]+$")


def is_public(name: str) -> bool:
    return not (name.startswith("_") or ENGINE.match(name) or MATERIALIZATION.match(name))


def argument_names(macro_sql: str) -> list[str]:
    macro = parse(macro_sql).find(nodes.Macro)
    return [argument.name for argument in macro.args] if macro else []


@check
def check_macro_is_in_its_file(macro: Any) -> None:
    """A public macro, its variants and nothing else public are in the file of that name."""
    stem = PurePosixPath(macro.original_file_path).stem
    name = MATERIALIZATION.sub(r"\1", TEST.sub("", ENGINE.sub("", macro.name)))
    if name != stem and not name.startswith("_"):
        fail(f"`{macro.name}` is not in a file {name}.sql.")


@check
def check_public_macro_is_described(macro: Any) -> None:
    """A public macro says what it does and what each of its arguments is."""
    if not is_public(macro.name):
        return
    if len((macro.description or "").strip()) < 20:
        fail(f"`{macro.name}` has no description.")
    described = {a.name for a in macro.arguments or [] if (a.description or "").strip()}
    missing = [name for name in argument_names(macro.macro_sql) if name not in described]
    if missing:
        fail(f"`{macro.name}` has arguments without a description: {', '.join(missing)}.")

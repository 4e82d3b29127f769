"""Expressions that DuckDB spells or computes otherwise, rewritten around fakesnow's own turn."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

Rewrite = Callable[[exp.Expr], exp.Expr]

_REWRITES: list[Rewrite] = []
# DuckDB macros: signature -> body. Every database gets them.
MACROS: dict[str, str] = {}


def rewrite(function: Rewrite) -> Rewrite:
    """Register a function that gets every node of a statement and returns it or another one."""
    _REWRITES.append(function)
    return function


def rewritten(expression: exp.Expr) -> exp.Expr:
    """A statement after all rewrites, from the leaves up: one may be inside another."""
    for node in reversed(list(expression.dfs())):
        changed = node
        for function in _REWRITES:
            changed = function(changed)
        if changed is node:
            continue
        if node is expression:
            return changed
        node.replace(changed)
    return expression


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a DuckDB function or macro."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def arguments_of(node: exp.Expr, *names: str) -> list[exp.Expr] | None:
    """The arguments of a call of one of these functions, whichever class sqlglot gave it."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions) if node.name.upper() in names else None
    if isinstance(node, exp.Func) and set(names) & set(node.sql_names()):
        found: list[exp.Expr] = []
        for key in node.arg_types:
            value = node.args.get(key)
            values = value if isinstance(value, list) else [value]
            found += [item for item in values if isinstance(item, exp.Expr)]
        return found
    return None


def rename(replacement: str, *names: str) -> None:
    """Functions that DuckDB has, or that a macro gives it, under another name."""

    @rewrite
    def renamed(node: exp.Expr) -> exp.Expr:
        found = arguments_of(node, *names)
        return node if found is None else call(replacement, *found)


def bound_once(body: str, *names: str) -> str:
    """A macro's body that reads its arguments often, with each argument planned once only."""
    for name in names:
        body = re.sub(rf"\b{name}\b", f"bound.{name}", body)
    given = ", ".join(f"'{name}': {name}" for name in names)
    return f"(list_transform([{{{given}}}], lambda bound: {body})[1])"


def macros_sql(database: str) -> str:
    """The statements that make the macros in a database."""
    return "".join(
        f"create or replace macro {database}.{signature} as {body};\n"
        for signature, body in MACROS.items()
    )


_FINISHERS: list[Rewrite] = []


def finisher(function: Rewrite) -> Rewrite:
    """Register a function that gets a whole statement after fakesnow's turn."""
    _FINISHERS.append(function)
    return function


def finished(expression: exp.Expr) -> exp.Expr:
    """A statement after all finishers."""
    for function in _FINISHERS:
        expression = function(expression)
    return expression

"""What is refused: what a simulator can only make believe, and what Snowflake would not run."""

from __future__ import annotations

import re

from sqlglot import exp

from python_tests.snowflake_simulator import subqueries
from python_tests.snowflake_simulator.errors import not_imitated

# The beginning of a statement -> what it is
_VERB = r"(create|alter|drop|show|desc|describe|execute)( or replace)?( transient)?( terse)?"
_REFUSED = {
    r"undrop\b": "UNDROP",
    rf"{_VERB} streams?\b": "streams",
    rf"{_VERB} tasks?\b": "tasks",
    rf"{_VERB} pipes?\b": "pipes",
    rf"{_VERB} dynamic tables?\b": "dynamic tables",
    rf"{_VERB}( secure)? materialized views?\b": "materialized views",
    rf"{_VERB} (masking|row access|aggregation|projection) polic": "policies",
    rf"(?!create){_VERB} stages?\b": "stages and files",
    rf"{_VERB}( temporary| temp)? file formats?\b": "stages and files",
    rf"{_VERB}( secure| temporary| temp| aggregate)* functions?\b": "functions made in SQL",
    r"(copy|put|get|list|ls|remove|rm)\b(?=.*@)": "stages and files",
    r"(declare|execute immediate \$\$|begin (?!transaction\b|work\b|name\b)\w)": "Scripting",
    r"create( or replace)? procedure\b": "stored procedures; an anonymous Python procedure runs",
    r"alter (database|user|resource monitor)\b"
    r"(?! \S+ set (default_secondary_roles|timestamp_input_format)\b)": (
        "ALTER on users and databases, but for DEFAULT_SECONDARY_ROLES and TIMESTAMP_INPUT_FORMAT"
    ),
    r"alter account\b(?! set (timezone|timestamp_input_format)\b)": (
        "ALTER ACCOUNT, but for TIMEZONE and TIMESTAMP_INPUT_FORMAT"
    ),
    r"create( or replace)?( transient)? database\b.* clone\b": "CREATE DATABASE .. CLONE",
    r"alter (table|schema) \S+ (un)?set .*(data_retention|data_extension|change_tracking)": (
        "settings of Time Travel"
    ),
    r"alter table \S+ (suspend|resume) recluster\b": "automatic clustering",
    r"alter warehouse\b": "ALTER WAREHOUSE",
    r"(grant .* with grant option|revoke grant option for .*)$": "grants with the right to grant",
    r"explain\b": "EXPLAIN",
}
PATTERNS = [
    (re.compile(pattern.replace(" ", r"\s+"), re.I | re.S), what)
    for pattern, what in _REFUSED.items()
]
FUNCTIONS = {
    "SYSTEM$CLUSTERING_INFORMATION": "clustering",
    "SYSTEM$CLUSTERING_DEPTH": "clustering",
    "SYSTEM$STREAM_HAS_DATA": "streams",
    "SYSTEM$PIPE_STATUS": "pipes",
    "GET_DDL": "GET_DDL",
    "COPY_HISTORY": "pipes and load history",
    "CONDITIONAL_CHANGE_EVENT": "CONDITIONAL_CHANGE_EVENT",
    "QUERY_HISTORY_BY_SESSION": "parts of the query history",
    "QUERY_HISTORY_BY_USER": "parts of the query history",
    "QUERY_HISTORY_BY_WAREHOUSE": "parts of the query history",
}


def check_text(statement: str) -> None:
    """Raise for a statement that begins like one that is not imitated."""
    for pattern, what in PATTERNS:
        if pattern.match(statement):
            raise not_imitated(what)


def check(expression: exp.Expr) -> None:
    """Raise for a statement that holds what is not imitated, or what Snowflake does not run."""
    subqueries.check(expression)
    for node in expression.walk():
        if isinstance(node, exp.HistoricalData):
            raise not_imitated("Time Travel")
        if isinstance(node, exp.MatchRecognize):
            raise not_imitated("MATCH_RECOGNIZE")
        if isinstance(node, exp.Create) and node.kind == "STAGE":
            raise not_imitated("stages and files")
        if isinstance(node, exp.Anonymous) and (what := FUNCTIONS.get(node.name.upper())):
            raise not_imitated(what)

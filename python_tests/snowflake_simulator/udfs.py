"""Scalar UDFs of a Snowpark session, run by DuckDB as Python functions.

https://docs.snowflake.com/en/developer-guide/snowpark/python/creating-udfs
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cloudpickle

from python_tests.snowflake_simulator.errors import not_imitated
from python_tests.snowflake_simulator.python_functions import define

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.session import Session


# What a session of Snowpark can register besides: where, by which method -> what it is
REFUSED = {
    ("udtf", "_do_register_udtf"): "UDTFs",
    ("udaf", "_do_register_udaf"): "UDAFs",
    ("sproc", "_do_register_sp"): "procedures registered in a procedure",
}


def install(snowpark: Any, caller: Session) -> None:
    """Let the session's UDF registrations make DuckDB functions."""
    from snowflake.snowpark._internal.udf_utils import process_registration_inputs
    from snowflake.snowpark._internal.utils import TempObjectType
    from snowflake.snowpark.udf import UserDefinedFunction

    def register(
        function: Callable[..., Any],
        return_type: Any,
        input_types: Any,
        name: Any,
        *arguments: Any,
        **options: Any,
    ) -> Any:
        # where Snowpark makes a stage for what it uploads, and the function
        caller.check_schema("CREATE STAGE")
        given_name, is_pandas, _, result, inputs, _ = process_registration_inputs(
            snowpark, TempObjectType.FUNCTION, function, return_type, input_types, name
        )
        if is_pandas:
            raise not_imitated("vectorized UDFs")
        # as Snowpark ships it: what the pickle leaves out is missing here too
        shipped = cloudpickle.loads(cloudpickle.dumps(function))
        called = given_name.split(".")[-1].strip('"')
        takes = [_stored_type(one) for one in inputs]
        adapted = _adapted(shipped, inputs, result)
        define(caller.duck, called, adapted, takes, _stored_type(result), pure=False)
        return UserDefinedFunction(shipped, result, inputs, called)

    def refuse(what: str) -> Callable[..., Any]:
        def refused(*arguments: Any, **options: Any) -> Any:
            raise not_imitated(what)

        return refused

    snowpark.udf._do_register_udf = register
    for (kind, method), what in REFUSED.items():
        setattr(getattr(snowpark, kind), method, refuse(what))


def _stored_type(kind: Any) -> str:
    """The DuckDB type of a Snowpark type; semi-structured values travel as JSON text."""
    from snowflake.snowpark import types

    known = (
        (types.BooleanType, "BOOLEAN"),
        (types._IntegralType, "BIGINT"),
        ((types.FloatType, types.DoubleType, types.DecimalType), "DOUBLE"),
        (types.DateType, "DATE"),
        (types.TimestampType, "TIMESTAMP"),
        (types.BinaryType, "BLOB"),
        (types.StringType, "VARCHAR"),
    )
    found = next((name for classes, name in known if isinstance(kind, classes)), None)
    if found is None and not _is_semi_structured(kind):
        raise not_imitated(f"UDFs with the type {kind}")
    return found or "VARCHAR"


def _is_semi_structured(kind: Any) -> bool:
    from snowflake.snowpark import types

    return isinstance(kind, (types.VariantType, types.ArrayType, types.MapType))


def _adapted(function: Callable[..., Any], inputs: list[Any], result: Any) -> Callable[..., Any]:
    from snowflake.snowpark import types

    decoded = [_is_semi_structured(kind) for kind in inputs]
    encoded = _is_semi_structured(result)
    # no value is JSON null there, which is not NULL
    has_null = isinstance(result, types.VariantType)

    # DuckDB counts the parameters of the function it gets
    def call(values: tuple[Any, ...]) -> Any:
        given = [
            json.loads(value) if from_json and value is not None else value
            for value, from_json in zip(values, decoded, strict=True)
        ]
        answer = function(*given)
        return json.dumps(answer) if encoded and (has_null or answer is not None) else answer

    return lambda *values: call(values)

"""How the payloads of an event's copies differ, how far, and what becomes of the copies."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from itertools import combinations
from typing import Any, NamedTuple

MOST_LEVELS = 100
MOST_PATHS = 1000
MOST_VALUES = 8
LONGEST_EDIT = 256
LEAST_DISTANCE = 0.01
HALF_APART_SECONDS = 60.0
MOST_KNOWN_PATHS = 10_000

Path = tuple[str, ...]
# what stands at each path of the identity; None where nothing does
Identity = tuple[str | None, ...]


class Field(NamedTuple):
    """What the policy says about a path."""

    field_class: str
    weight: float
    is_set: bool


class Thresholds(NamedTuple):
    """Scores at which a verdict turns."""

    benign_max_score: float
    material_min_score: float


class Judgement(NamedTuple):
    """What was found in a group; the names are those of the model's columns."""

    payload_class: str
    variance_score: float
    differing_paths: str
    verdict: str
    reason: str


class NotJudgeableError(Exception):
    """Payloads that can't be compared; the text says why, and is a reason."""


FieldOf = Callable[[Path], Field]
UNKNOWN = Field("material", 1.0, False)
CLASSES = ("volatile", "benign", "material", "identity")


class _Missing:
    """A member that a payload doesn't have."""


MISSING = _Missing


def policy_of(rows: Iterable[tuple[str, str, float]]) -> FieldOf:
    """Make the look-up of a path in rows of pattern, class and weight.

    A pattern holds for its path and everything below; `*` stands for any one name or place in an
    array; a pattern that ends in `[]` says that the array there is a set. The longest pattern goes
    first, and of two the one that names what the other leaves open; of the same path twice, the
    graver class. A volatile path weighs nothing.

    Elements of a set have no path of their own: the set counts as what is gravest at it and below.
    """
    patterns: list[tuple[Path, Field]] = []
    for pattern, field_class, weight in rows:
        names = tuple(pattern.removesuffix("[]").split("."))
        share = 0.0 if field_class == "volatile" else float(weight)
        patterns.append((names, Field(field_class, share, pattern.endswith("[]"))))
    patterns.sort(
        key=lambda one: (
            len(one[0]),
            [name != "*" for name in one[0]],
            CLASSES.index(one[1].field_class),
            one[1].weight,
        ),
        reverse=True,
    )
    known: dict[Path, Field] = {}

    def field_of(path: Path) -> Field:
        found = known.get(path)
        if found is None:
            found = UNKNOWN
            for names, field in patterns:
                if _holds(names, path):
                    is_set = field.is_set and len(names) == len(path)
                    found = (
                        _of_set(path, field, patterns) if is_set else field._replace(is_set=False)
                    )
                    break
            if len(known) >= MOST_KNOWN_PATHS:
                known.clear()
            known[path] = found
        return found

    return field_of


def _holds(names: Path, path: Path) -> bool:
    """Whether a pattern holds for a path: for itself, or for one above it."""
    return len(names) <= len(path) and all(
        name in ("*", step) for name, step in zip(names, path, strict=False)
    )


def _of_set(path: Path, own: Field, patterns: Iterable[tuple[Path, Field]]) -> Field:
    """What a set counts as: which element is another's can't be told, so that none has identity."""
    place = len(path)
    below = [
        field
        for names, field in patterns
        if len(names) > place
        and _holds(names[:place], path)
        and (names[place] == "*" or names[place].isdecimal())
    ]
    graver = ["material" if one.field_class == "identity" else one.field_class for one in below]
    return Field(
        max([own.field_class, *graver], key=CLASSES.index),
        max([own.weight, *(one.weight for one in below)]),
        is_set=True,
    )


def judge(
    payloads: Iterable[str | None],
    field_of: FieldOf,
    thresholds: Thresholds,
    *,
    each_is_an_event: bool = False,
) -> Judgement | None:
    """Judge the payloads of one event's copies, in any order; None where they say the same.

    The score is 1 - (1 - w1 d1)(1 - w2 d2).. over the differing paths: w is the weight of the path
    in the policy, d how far its values are apart, from 0.01 to 1. So it is 0 without a difference
    that counts, at most 1, and no further difference and no greater distance makes it smaller.

    `each_is_an_event` says that each payload is kept as an event where an identity tells them
    apart, as the model does: then two of one event are unclear, however little they differ in.
    """
    try:
        decode = _decoder()
        documents = [_document(text, decode) for text in set(payloads)]
        found = differences(documents, field_of)
    except NotJudgeableError as error:
        return unjudged(str(error))
    if not found:
        return None
    classes = {path: _class_of(path, values, field_of) for path, values in found.items()}
    paths = sorted(found)
    rest = 1.0
    for path in paths:
        if weight := field_of(path).weight:
            rest *= 1.0 - weight * distance(found[path])
    score = round(min(max(1.0 - rest, 0.0), 1.0), 6)
    payload_class = max(classes.values(), key=CLASSES.index)
    named = json.dumps([dotted(path) for path in paths if classes[path] != "volatile"])
    verdict = _verdict(payload_class, score, thresholds)
    if payload_class == "identity":
        identities = [found[path] for path in paths if classes[path] == "identity"]
        events = _by_identity(documents, identities)
        if _is_unclear(events, field_of) or (each_is_an_event and len(events) < len(documents)):
            verdict = ("review", "identity_unclear")
    return Judgement(payload_class, score, named, *verdict)


def unjudged(reason: str) -> Judgement:
    """The judgement on payloads that can't be compared."""
    return Judgement("material", 1.0, '["$"]', "review", reason)


def _verdict(payload_class: str, score: float, thresholds: Thresholds) -> tuple[str, str]:
    if payload_class == "identity":
        return "keep", "identity_differs"
    if payload_class == "material":
        if score < thresholds.material_min_score:
            return "remove", "material_within_tolerance"
        return "review", "material_differs"
    if payload_class == "benign" and score > thresholds.benign_max_score:
        return "review", "benign_far_apart"
    return "remove", f"{payload_class}_differs"


def _by_identity(
    documents: Sequence[Any], identities: Sequence[Sequence[Any]]
) -> dict[Identity, list[Any]]:
    """The documents of each event: those whose parts of the identity are the same."""
    events: dict[Identity, list[Any]] = {}
    for document, values in zip(documents, zip(*identities, strict=True), strict=True):
        parts = tuple(_canonical(one) if _told([one]) else None for one in values)
        events.setdefault(parts, []).append(document)
    return events


def _is_unclear(events: dict[Identity, list[Any]], field_of: FieldOf) -> bool:
    """Whether two may be one, or the copies of one differ in what isn't volatile."""
    return any(_may_be_one(*two) for two in combinations(events, 2)) or any(
        field_of(path).field_class != "volatile"
        for copies in events.values()
        for path in differences(copies, field_of)
    )


def _may_be_one(one: Identity, other: Identity) -> bool:
    """Whether no part that both have differs."""
    return all(None in parts or len(set(parts)) == 1 for parts in zip(one, other, strict=True))


def _class_of(path: Path, values: Sequence[Any], field_of: FieldOf) -> str:
    """The class of a difference: an identity that a copy lacks tells nothing apart."""
    field_class = field_of(path).field_class
    if field_class == "identity" and len(set(map(_canonical, _told(values)))) < 2:
        return "material"
    return field_class


def _told(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value is not MISSING and value is not None]


def dotted(path: Path) -> str:
    """A path as text; a name that could be taken for more than one is in quotes."""
    plain = [name if re.fullmatch(r"[\w-]+|[*]", name) else json.dumps(name) for name in path]
    return ".".join(plain) or "$"


def _decoder() -> Callable[[str], Any]:
    """Read JSON; a number becomes a tuple, so that 1 is 1.0 and not true."""
    return json.JSONDecoder(
        parse_int=_number,
        parse_float=_number,
        parse_constant=_no_number,
        object_pairs_hook=_members,
    ).decode


def _document(text: str | None, decode: Callable[[str], Any]) -> Any:
    """The value of a payload; no payload is JSON null."""
    if not text:
        return None
    try:
        document = decode(text)
    except RecursionError:
        raise NotJudgeableError("too_deep") from None
    except (ValueError, ArithmeticError):
        raise NotJudgeableError("malformed_json") from None
    if text.count("[") + text.count("{") > MOST_LEVELS and _levels(document) > MOST_LEVELS:
        raise NotJudgeableError("too_deep")
    return document


def _number(text: str) -> tuple[Decimal]:
    return (Decimal(text),)


def _no_number(text: str) -> None:
    raise ValueError(text)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found


def _levels(document: Any) -> int:
    """How deep arrays and objects are nested, without recursion."""
    levels, containers = 0, [document]
    while containers := [one for one in containers if type(one) in (dict, list)]:
        levels += 1
        containers = [
            member for one in containers for member in (one.values() if type(one) is dict else one)
        ]
    return levels


def differences(documents: Sequence[Any], field_of: FieldOf) -> dict[Path, list[Any]]:
    """The paths in which documents differ, and their values there, without recursion."""
    found: dict[Path, list[Any]] = {}
    waiting: list[tuple[Path, list[Any]]] = [((), list(documents))]
    while waiting:
        path, values = waiting.pop()
        if values.count(values[0]) == len(values):
            continue
        present = [value for value in values if value is not MISSING]
        kinds = {type(value) for value in present}
        is_missing = len(present) < len(values)
        if kinds == {list} and field_of(path).is_set:
            if is_missing or len({tuple(sorted(map(_canonical, one))) for one in values}) > 1:
                found[path] = values
            continue
        if len(kinds) > 1 or not kinds <= {dict, list}:
            found[path] = values
        if is_missing and any(value in ({}, []) for value in present):
            # nothing, and an empty object or array: below it there is no path to name
            found[(*path, "*")] = [MISSING, None]
        for kind in kinds & {dict, list}:
            inside = [value if type(value) is kind else MISSING for value in values]
            waiting.extend(_below(path, inside, kind))
        if len(found) > MOST_PATHS:
            raise NotJudgeableError("too_many_differences")
    return found


def _below(path: Path, values: list[Any], kind: type) -> list[tuple[Path, list[Any]]]:
    """The members that any of the objects or arrays has, and what each has there."""
    present = [value for value in values if value is not MISSING]
    if kind is dict:
        names = {name for value in present for name in value}
        return [
            (
                (*path, name),
                [MISSING if one is MISSING else one.get(name, MISSING) for one in values],
            )
            for name in names
        ]
    return [
        (
            (*path, str(place)),
            [MISSING if one is MISSING or place >= len(one) else one[place] for one in values],
        )
        for place in range(max(map(len, present)))
    ]


def distance(values: Sequence[Any]) -> float:
    """How far apart the values of a path are, from 0.01 to 1: those two that are furthest.

    Numbers relatively to the greater one, times by their seconds, text by the share of characters
    that would have to be edited, sets by the share of elements that not both have. Values of
    different kinds, and a value and nothing, are 1 apart.
    """
    kinds = {type(value) for value in values}
    if kinds == {tuple}:
        raw = _number_distance([value[0] for value in values])
    elif kinds == {str}:
        raw = _furthest(set(values), _two_texts)
    elif kinds == {list}:
        raw = _furthest({tuple(sorted(map(_canonical, one))) for one in values}, _two_sets)
    else:
        raw = 1.0
    return min(max(raw, LEAST_DISTANCE), 1.0)


def _number_distance(numbers: list[Decimal]) -> float:
    least, greatest = min(numbers), max(numbers)
    context = Context(prec=28, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
    size = max(least.copy_abs(), greatest.copy_abs())
    share = context.divide(context.subtract(greatest, least), size)
    return float(min(share, Decimal(1))) if share.is_finite() else 1.0


def _furthest(values: set[Any], between: Callable[[Any, Any], float]) -> float:
    """The greatest distance between two values; 1 where there are too many pairs."""
    if len(values) > MOST_VALUES:
        return 1.0
    return max(between(one, other) for one, other in combinations(sorted(values), 2))


def _two_texts(one: str, other: str) -> float:
    seconds = _seconds_between(one, other)
    if seconds is not None:
        return seconds / (seconds + HALF_APART_SECONDS)
    return edits(one, other) / max(len(one), len(other))


def _seconds_between(one: str, other: str) -> float | None:
    """The seconds between two times in ISO format; None where a text is no such time."""
    form = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d:?\d\d)?"
    if not (re.fullmatch(form, one, re.ASCII) and re.fullmatch(form, other, re.ASCII)):
        return None
    try:
        return abs((datetime.fromisoformat(one) - datetime.fromisoformat(other)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def edits(one: str, other: str) -> int:
    """Characters to insert, delete or replace to make one text of the other (Levenshtein).

    Where more than 256 characters lie between what is equal at both ends, all of them count.
    """
    shorter, longer = sorted((one, other), key=len)
    start = next((i for i, c in enumerate(shorter) if c != longer[i]), len(shorter))
    shorter, longer = shorter[start:], longer[start:]
    end = next((i for i, c in enumerate(reversed(shorter)) if c != longer[-1 - i]), len(shorter))
    shorter, longer = shorter[: len(shorter) - end], longer[: len(longer) - end]
    if not shorter or len(longer) > LONGEST_EDIT:
        return len(longer)
    # Myers 1999: a column of the matrix is two bit vectors, where it rises and where it falls
    places: dict[str, int] = {}
    for place, character in enumerate(shorter):
        places[character] = places.get(character, 0) | 1 << place
    every, last = (1 << len(shorter)) - 1, 1 << len(shorter) - 1
    rises, falls, count = every, 0, len(shorter)
    for character in longer:
        equal = places.get(character, 0)
        vertical = equal | falls
        horizontal = (((equal & rises) + rises) ^ rises) | equal
        up, down = falls | ~(horizontal | rises), rises & horizontal
        count += bool(up & last) - bool(down & last)
        up, down = (up << 1) | 1, down << 1
        rises, falls = (down | ~(vertical | up)) & every, up & vertical & every
    return count


def _two_sets(one: Sequence[str], other: Sequence[str]) -> float:
    """1 - the elements that both have / those that any has, repeated ones counted."""
    left, right = Counter(one), Counter(other)
    return 1.0 - (left & right).total() / (left | right).total()


def _canonical(value: Any) -> str:
    """One text for equal values."""
    return json.dumps(_sortable(value), sort_keys=True)


def _sortable(value: Any) -> Any:
    if type(value) is tuple:
        number = value[0]
        digits = len(number.as_tuple().digits)
        exact = Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
        return ["number", str(number.normalize(exact)) if number else "0"]
    if type(value) is dict:
        return {"members": {name: _sortable(member) for name, member in value.items()}}
    if type(value) is list:
        return {"elements": [_sortable(element) for element in value]}
    return value


COLUMNS = ("incident_id", "event_fingerprint", "event_at", "copy_count", "payload_count")


def judgement_of(payloads: str, field_of: FieldOf, thresholds: Thresholds) -> Judgement | None:
    """Judge a group of the model: its payloads as a JSON array, or as a text why there are none.

    None where nothing differs that counts. Whatever a payload does, the other groups are judged,
    and an error says nothing of what the payload holds.
    """
    texts = json.loads(payloads)
    if isinstance(texts, str):
        return unjudged(texts)
    try:
        found = judge(texts, field_of, thresholds, each_is_an_event=True)
    except Exception:
        return unjudged("not_judged")
    return None if found is None or found.payload_class == "volatile" else found


def model(dbt, session):
    """Adapter: what differs is read in batches on DuckDB, and judged where it lies on Snowflake."""
    dbt.config(materialized="table", python_version="3.11")
    thresholds = Thresholds(
        float(dbt.config.meta_get("benign_max_score")),
        float(dbt.config.meta_get("material_min_score")),
    )
    groups = dbt.ref("exactly_once", "incident_payload_differences")
    policy = dbt.ref("payload_field_policy")
    if type(session).__module__.startswith("snowflake."):
        return _judged_on_snowflake(session, groups, policy, thresholds)
    return _judged_on_duckdb(groups, policy, thresholds)


def _judged_on_duckdb(groups, policy, thresholds):
    import pyarrow as pa

    field_of = policy_of(policy.select("path_pattern", "field_class", "weight").fetchall())
    number, text, share = pa.int64(), pa.string(), pa.float64()
    judged_types = (text, share, text, text, text)
    kept_types = (text, text, pa.timestamp("us"), number, number)
    fields = zip((*COLUMNS, *Judgement._fields), (*kept_types, *judged_types), strict=True)
    schema = pa.schema(list(fields))
    batches = []
    for batch in groups.select(*COLUMNS, "payloads").to_arrow_reader(2048):
        found = [
            judgement_of(payloads, field_of, thresholds)
            for payloads in batch["payloads"].to_pylist()
        ]
        rows = [one for one in found if one is not None]
        kept = batch.select(COLUMNS).filter(pa.array([one is not None for one in found]))
        judged = zip(*rows, strict=True) if rows else [()] * len(judged_types)
        arrays = [
            column.cast(kind) for column, kind in zip(kept.columns, kept_types, strict=True)
        ] + [pa.array(values, kind) for values, kind in zip(judged, judged_types, strict=True)]
        batches.append(pa.record_batch(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema=schema)


def _judged_on_snowflake(session, groups, policy, thresholds):
    from snowflake.snowpark import functions as F  # noqa: N812 -- Snowpark's own convention
    from snowflake.snowpark import types as T  # noqa: N812 -- Snowpark's own convention

    # a function is sent to the warehouse with all that it calls if it belongs to no other module
    for one in list(globals().values()):
        if getattr(one, "__module__", None) == __name__:
            one.__module__ = "__main__"
    rules = [tuple(row) for row in policy.select("path_pattern", "field_class", "weight").collect()]
    field_of = policy_of(rules)

    def judged(payloads):
        found = judgement_of(payloads, field_of, thresholds)
        return None if found is None else found._asdict()

    judge_group = session.udf.register(
        judged,
        return_type=T.VariantType(),
        input_types=[T.StringType()],
        immutable=True,
    )
    found = groups.select(*COLUMNS, judge_group(F.col("payloads")).alias("judgement"))
    kinds = (T.StringType(), T.DoubleType(), T.StringType(), T.StringType(), T.StringType())
    # what is not judged is JSON null, which IS NOT NULL; a member of it is NULL
    return found.select(
        *COLUMNS,
        *(
            F.col("judgement")[name].cast(kind).alias(name)
            for name, kind in zip(Judgement._fields, kinds, strict=True)
        ),
    ).filter(F.col("verdict").is_not_null())

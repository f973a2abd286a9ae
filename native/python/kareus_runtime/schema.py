"""Checks data against the part of JSON Schema that our published schemas use."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

# Where, as jq would ask for it, and what is wrong there.
Problem = Optional[Tuple[str, str]]
Schema = Mapping[str, Any]
# What checks a value against the argument of a keyword, at a place.
Rule = Callable[[Any, Any, str], Problem]

_TYPES: Dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
}


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) or math.isfinite(value)


def problem_in(value: Any, schema: Schema, place: str = "") -> Problem:
    """Returns the first problem of a value with its place; None if the value is fine."""
    for keyword, rule in schema.items():
        found = _RULES[keyword](value, rule, place)
        if found is not None:
            return found
    return None


def _type(value: Any, types: Union[str, List[str]], place: str) -> Problem:
    names = [types] if isinstance(types, str) else types
    if any(_TYPES[name](value) for name in names):
        return None
    return place or ".", f"not {' or '.join(names)}"


def _const(value: Any, wanted: Any, place: str) -> Problem:
    # True equals 1 in Python; in JSON it does not.
    if value == wanted and isinstance(value, bool) == isinstance(wanted, bool):
        return None
    return place or ".", f"not {wanted!r}"


def _enum(value: Any, known: Sequence[Any], place: str) -> Problem:
    return None if value in known else (place, f"not one of {', '.join(map(str, known))}")


def _compare(holds: Callable[[Any, Any], bool], words: str) -> Rule:
    def rule(value: Any, limit: Any, place: str) -> Problem:
        if not _is_number(value) or holds(value, limit):
            return None
        return place, f"{value} is not {words} {limit}"

    return rule


def _required(value: Any, names: List[str], place: str) -> Problem:
    if not isinstance(value, dict):
        return None
    missing = [name for name in names if name not in value]
    return (f"{place}.{missing[0]}", "missing") if missing else None


def _properties(value: Any, schemas: Mapping[str, Schema], place: str) -> Problem:
    if not isinstance(value, dict):
        return None
    for name, schema in schemas.items():
        found = problem_in(value[name], schema, f"{place}.{name}") if name in value else None
        if found is not None:
            return found
    return None


def _values(value: Any, schema: Schema, place: str) -> Problem:
    """Of an object whose names are free, as our schemas have it: without `properties` beside it."""
    if not isinstance(value, dict):
        return None
    for name, own in value.items():
        found = problem_in(own, schema, f"{place}.{name}")
        if found is not None:
            return found
    return None


def _items(value: Any, schema: Schema, place: str) -> Problem:
    if not isinstance(value, list):
        return None
    for index, item in enumerate(value):
        found = problem_in(item, schema, f"{place}[{index}]")
        if found is not None:
            return found
    return None


def _any_of(value: Any, schemas: Sequence[Schema], place: str) -> Problem:
    found = []
    for schema in schemas:
        problem = problem_in(value, schema, place)
        if problem is None:
            return None
        found.append(problem)
    # The alternative that got farthest is the one that was meant.
    return max(found, key=lambda problem: len(problem[0]))


def _says_nothing(_value: Any, _rule: Any, _place: str) -> Problem:
    return None


_RULES: Dict[str, Rule] = {
    "$schema": _says_nothing,
    "title": _says_nothing,
    "type": _type,
    "const": _const,
    "enum": _enum,
    "minimum": _compare(lambda value, limit: value >= limit, "at least"),
    "maximum": _compare(lambda value, limit: value <= limit, "at most"),
    "exclusiveMinimum": _compare(lambda value, limit: value > limit, "above"),
    "required": _required,
    "properties": _properties,
    "propertyNames": _says_nothing,
    "additionalProperties": _values,
    "items": _items,
    "anyOf": _any_of,
    "oneOf": _any_of,
}

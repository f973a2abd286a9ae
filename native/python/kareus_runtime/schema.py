"""Checks data against the part of JSON Schema that our published schemas use."""

import math

_TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
}


def _is_number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) or math.isfinite(value)


def problem_in(value, schema, place=""):
    """The first (place, problem) of a value, the place as jq would ask for it; None if it is fine."""
    for keyword, rule in schema.items():
        found = _RULES[keyword](value, rule, place)
        if found is not None:
            return found
    return None


def _type(value, types, place):
    names = [types] if isinstance(types, str) else types
    if any(_TYPES[name](value) for name in names):
        return None
    return place or ".", f"not {' or '.join(names)}"


def _const(value, wanted, place):
    # True equals 1 in Python; in JSON it does not.
    if value == wanted and isinstance(value, bool) == isinstance(wanted, bool):
        return None
    return place or ".", f"not {wanted!r}"


def _enum(value, known, place):
    return None if value in known else (place, f"not one of {', '.join(map(str, known))}")


def _compare(holds, words):
    def rule(value, limit, place):
        if not _is_number(value) or holds(value, limit):
            return None
        return place, f"{value} is not {words} {limit}"

    return rule


def _required(value, names, place):
    if not isinstance(value, dict):
        return None
    missing = [name for name in names if name not in value]
    return (f"{place}.{missing[0]}", "missing") if missing else None


def _properties(value, schemas, place):
    if not isinstance(value, dict):
        return None
    for name, schema in schemas.items():
        found = problem_in(value[name], schema, f"{place}.{name}") if name in value else None
        if found is not None:
            return found
    return None


def _items(value, schema, place):
    if not isinstance(value, list):
        return None
    for index, item in enumerate(value):
        found = problem_in(item, schema, f"{place}[{index}]")
        if found is not None:
            return found
    return None


def _any_of(value, schemas, place):
    found = [problem_in(value, schema, place) for schema in schemas]
    if None in found:
        return None
    # The alternative that got farthest is the one that was meant.
    return max(found, key=lambda problem: len(problem[0]))


def _says_nothing(_value, _rule, _place):
    return None


_RULES = {
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
    "items": _items,
    "anyOf": _any_of,
}

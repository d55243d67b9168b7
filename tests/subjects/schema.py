"""What of a JSON value is against its schema, by the keywords that this project's schemas use."""

import re
from typing import Any

_KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def violations(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """What of `value` is against the schema, by the keywords that the schema uses."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        return [] if any(not violations(value, option, root) for option in schema["anyOf"]) else [f"{at}: {value!r}"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{at}: {value!r}"]
    if not isinstance(value, _KINDS[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return [f"{at}: {value!r} is no {schema['type']}"]
    found = []
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{at}: {value!r} does not match")
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += violations(item, schema["items"], root, f"{at}[{i}]")
    if isinstance(value, dict):
        named = schema.get("properties", {})
        found += [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            rule = named.get(name, schema.get("additionalProperties", {}))
            found += [f"{at}: {name} is none"] if rule is False else violations(item, rule, root, f"{at}.{name}")
    return found

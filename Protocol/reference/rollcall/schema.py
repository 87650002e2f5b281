"""Whether a JSON value fits a JSON Schema, as far as `forms/schema.json` goes."""

import re

KNOWN = {
    "$schema", "title", "description", "$defs", "$ref", "type", "enum", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "items", "minItems", "maxItems", "properties", "required",
    "additionalProperties", "propertyNames",
}  # fmt: skip

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


def misfits(value, schema: dict, root: dict | None = None, at: str = "") -> list[str]:
    """What does not fit, each with its place; nothing when all does."""
    root = schema if root is None else root
    if unknown := schema.keys() - KNOWN:
        raise ValueError(f"the schema uses {sorted(unknown)}")
    if "$ref" in schema:
        return misfits(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, at)
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is none of {schema['enum']}"]
    kind = schema.get("type")
    if kind == "integer":
        if not isinstance(value, int) or isinstance(value, bool):
            return [f"{at}: no integer"]
        return [] if schema["minimum"] <= value <= schema["maximum"] else [f"{at}: {value} out of bounds"]
    if kind and not isinstance(value, TYPES[kind]):
        return [f"{at}: no {kind}"]
    if isinstance(value, str):
        return text(value, schema, at)
    if isinstance(value, list):
        found = counted(len(value), schema, "Items", at)
        for index, item in enumerate(value):
            found += misfits(item, schema.get("items", {}), root, f"{at}/{index}")
        return found
    return members(value, schema, root, at) if isinstance(value, dict) else []


def counted(count: int, schema: dict, what: str, at: str) -> list[str]:
    fits = schema.get("min" + what, 0) <= count <= schema.get("max" + what, count)
    return [] if fits else [f"{at}: {count} {what.lower()}"]


def text(value: str, schema: dict, at: str) -> list[str]:
    found = counted(len(value), schema, "Length", at)
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not match {schema['pattern']}")
    return found


def members(value: dict, schema: dict, root: dict, at: str) -> list[str]:
    found = [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
    rest = schema.get("additionalProperties", True)
    for name, item in value.items():
        if "propertyNames" in schema:
            found += misfits(name, schema["propertyNames"], root, f"{at}/{name}")
        if name in schema.get("properties", {}):
            found += misfits(item, schema["properties"][name], root, f"{at}/{name}")
        elif rest is False:
            found.append(f"{at}: {name} is not known")
        elif isinstance(rest, dict):
            found += misfits(item, rest, root, f"{at}/{name}")
    return found

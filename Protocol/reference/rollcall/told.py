"""Versions as the vectors tell them, both ways."""

from .versions import (
    AFTER_HOLE,
    BLANK,
    CLOCK_UNTRUSTED,
    DECIMAL,
    DELETE,
    INTEGER,
    LIST,
    TEXT,
    Context,
    Dot,
    Value,
    Version,
)

FLAG_NAMES = {"delete": DELETE, "clock untrusted": CLOCK_UNTRUSTED, "after hole": AFTER_HOLE}


def tell_value(value: Value) -> dict | None:
    match value.kind:
        case 1:
            return {"integer": str(value.content)}
        case 2:
            return {"decimal": str(value.content), "scale": value.scale}
        case 3:
            return {"text": value.content}
        case 4:
            return {"list": list(value.content)}
    return None


def value_of(told: dict | None) -> Value:
    match told:
        case {"integer": digits}:
            return Value(INTEGER, int(digits))
        case {"decimal": digits, "scale": scale}:
            return Value(DECIMAL, int(digits), scale)
        case {"text": text}:
            return Value(TEXT, text)
        case {"list": items}:
            return Value(LIST, tuple(items))
    return BLANK


def tell_dot(dot: Dot) -> list[str]:
    return [f"{dot.origin:016x}", str(dot.sequence)]


def dot_of(told: list[str]) -> Dot:
    return Dot(int(told[0], 16), int(told[1]))


def tell_context(context: Context) -> dict:
    return {
        "vector": [tell_dot(Dot(*entry)) for entry in sorted(context.vector.items())],
        "dots": [tell_dot(dot) for dot in sorted(context.dots)],
    }


def context_of(told: dict) -> Context:
    return Context(dict(map(dot_of, told["vector"])), frozenset(map(dot_of, told["dots"])))


def version_of(told: dict) -> Version:
    authored_dot = dot_of(told["authoredDot"]) if "authoredDot" in told else None
    flags = sum(FLAG_NAMES[name] for name in told.get("flags", [])) | (4 if authored_dot else 0)
    return Version(
        told["form"],
        told["revision"],
        tuple(map(value_of, told["key"])),
        told["authored"],
        told["stated"],
        told["firstCreated"],
        {field["field"]: (field["class"], value_of(field["value"])) for field in told["fields"]},
        told.get("author", ""),
        flags,
        authored_dot,
        context_of(told["context"]) if "context" in told else Context(),
        dot_of(told["dot"]) if "dot" in told else None,
    )


def tell_version(version: Version) -> dict:
    flags = [name for name, bit in FLAG_NAMES.items() if version.flags & bit]
    fields = [
        {"field": number, "class": retention, "value": tell_value(value)}
        for number, (retention, value) in sorted(version.fields.items())
    ]
    told = {
        "dot": tell_dot(version.dot),
        "form": version.form,
        "revision": version.revision,
        "key": [tell_value(value) for value in version.key],
        "authored": version.authored,
        "stated": version.stated,
        "firstCreated": version.first_created,
        "author": version.author,
        "flags": flags,
        "context": tell_context(version.context),
        "fields": fields,
    }
    return told | ({"authoredDot": tell_dot(version.authored_dot)} if version.authored_dot else {})


def versions_of(told: list | dict) -> list[Version]:
    if isinstance(told, dict):
        return [version_of(told["each"]) for _ in range(told["count"])]
    return [version_of(each) for each in told]

"""What the definitions in forms/ say that a writer of records needs: types, merge groups and rules."""

import json
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from .versions import BLANK, DECIMAL, INTEGER, LIST, TEXT, Value, Version

FORMS: dict[str, dict[str, Any]] = {
    form["form"]: form
    for form in (
        json.loads(path.read_text()) for path in (Path(__file__).parents[2] / "forms").glob("*.json")
    )
    if "form" in form
}
EPOCH = date(1970, 1, 1)


def days(day: str) -> int:
    return (date.fromisoformat(day) - EPOCH).days


def day_of(number: int) -> str:
    return (EPOCH + timedelta(days=number)).isoformat()


def value_from(field: dict[str, Any], typed: str) -> Value:
    """A value as its field's type lies on the wire (section 7); nothing typed is *not stated*."""
    if typed == "":
        return BLANK
    match field["type"]:
        case "integer" | "time":
            return Value(INTEGER, int(typed))
        case "boolean":
            return Value(INTEGER, {"yes": 1, "true": 1, "no": 0, "false": 0}[typed])
        case "date":
            return Value(INTEGER, days(typed))
        case "decimal":
            scale = field.get("scale", 0)
            unscaled = Decimal(typed).scaleb(scale)
            if unscaled != int(unscaled):
                raise ValueError(f"{typed} has more than {scale} decimals")
            return Value(DECIMAL, int(unscaled), scale)
        case "multi-choice" | "place-list":
            return Value(LIST, tuple(typed.split(";")))
    return Value(TEXT, typed)


def subject_of(version: Version) -> tuple[str, str] | None:
    """Whom a record is about: a person where its key names one, else a unit (section 6)."""
    types = [key["type"] for key in FORMS[version.form]["keys"]] if version.form in FORMS else []
    for subject in ("person", "unit"):
        if subject in types and types.index(subject) < len(version.key):
            return subject, str(version.key[types.index(subject)].content)
    return None


def key_day(version: Version) -> int | None:
    types = [key["type"] for key in FORMS[version.form]["keys"]]
    return version.key[types.index("date")].content if "date" in types else None


def bound_of(settings: dict, text: str) -> Decimal:
    """A number, or the setting of this name; beyond everything where there is none."""
    try:
        return Decimal(str(settings.get(text, text)))
    except InvalidOperation:
        return Decimal("Infinity")


def facts_of(
    form: dict[str, Any], rule: dict[str, Any], values: dict[int, Value], settings: dict
) -> list[str]:
    """Which conditions of a rule the values of a record meet, in words."""
    facts = []
    for condition in rule["any"]:
        field = next(field for field in form["fields"] if field["name"] == condition["field"])
        value = values.get(field["id"], BLANK)
        if condition.get("isTrue") and value == Value(INTEGER, 1):
            facts.append(field["name"])
        if "atLeast" in condition and value.kind in (INTEGER, DECIMAL):
            number = Decimal(value.content).scaleb(-value.scale)
            if number >= bound_of(settings, condition["atLeast"]):
                facts.append(field["name"] + (f"={number}" if value.kind == DECIMAL else ""))
        if "equals" in condition:
            items = value.content if value.kind == LIST else (value.content,)
            if value.kind in (TEXT, LIST) and condition["equals"] in items:
                facts.append(field["name"])
    return facts

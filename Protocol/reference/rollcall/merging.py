"""Section 12: what a record says; section 15: the prints of it."""

from dataclasses import dataclass, field, replace
from functools import reduce

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
from .wire import WORD, Writer

EXISTENCE = 0


@dataclass
class Form:
    """The policies of one revision by field, and its merge groups."""

    policies: dict[int, str] = field(default_factory=dict)
    groups: list[list[int]] = field(default_factory=list)


@dataclass
class Named:
    """A version with all names under which it came."""

    version: Version
    names: frozenset[Dot]

    @property
    def assigned(self) -> dict[int, Value]:
        values = {number: value for number, (_, value) in self.version.fields.items()}
        if values or self.version.flags & DELETE:
            values[EXISTENCE] = BLANK
        return values

    @property
    def order(self) -> tuple:
        version = self.version
        trusted = not version.flags & CLOCK_UNTRUSTED
        return trusted, version.stated, version.authored, version.first_name, version.dot

    @property
    def deletes(self) -> bool:
        return bool(self.version.flags & DELETE)


@dataclass
class Field:
    value: Value
    setter: Dot
    conflict: bool
    candidates: list[Named]


@dataclass
class Record:
    exists: bool
    delete_conflict: bool
    first_created: int
    revision: int
    fields: dict[int, Field]
    held: list[tuple[Named, list[int]]]
    seen: Context


def content(version: Version) -> tuple:
    """What is equal in a version that came under several names: not contexts, nor values, which may go."""
    classes = tuple(sorted((number, retention) for number, (retention, _) in version.fields.items()))
    return (
        version.first_name,
        version.key,
        version.form,
        version.revision,
        version.flags & (DELETE | CLOCK_UNTRUSTED),
        version.authored,
        version.stated,
        version.first_created,
        version.author,
        classes,
    )


def by_name(versions: list[Version]) -> list[Named]:
    groups: dict[tuple, dict[Dot, Version]] = {}
    for version in versions:
        groups.setdefault(content(version), {})[version.dot] = version
    named = []
    for group in groups.values():
        context = reduce(Context.merged, (version.context for version in group.values()))
        named.append(Named(replace(group[min(group)], context=context), frozenset(group)))
    return named


def merge(versions: list[Version], forms: dict[int, Form]) -> Record:
    named = sorted(by_name(versions), key=lambda one: one.order, reverse=True)
    candidates: dict[int, list[Named]] = {}
    for one in named:
        for number in one.assigned:
            if not any(
                number in other.assigned and any(map(other.version.context.covers, one.names))
                for other in named
                if other is not one
            ):
                candidates.setdefault(number, []).append(one)
    alive = candidates.pop(EXISTENCE, [])
    revision = max(version.revision for version in versions)
    form = forms.get(revision, Form())
    fields = {
        number: decided(number, found, form.policies.get(number, "latest"))
        for number, found in sorted(candidates.items())
    }
    for group in form.groups:
        if any(fields[number].conflict for number in group if number in fields):
            for number in group:
                fields[number].conflict = True
    held: dict[Dot, tuple[Named, list[int]]] = {}
    for number, found in [
        (EXISTENCE, alive),
        *((number, field.candidates) for number, field in fields.items()),
    ]:
        for one in found:
            held.setdefault(one.version.dot, (one, []))[1].append(number)
    return Record(
        exists=any(not one.deletes for one in alive),
        delete_conflict=len({one.deletes for one in alive}) > 1,
        first_created=min(version.first_created for version in versions),
        revision=revision,
        fields=fields,
        held=sorted(held.values(), key=lambda entry: (entry[0].version.first_name, entry[0].version.dot)),
        seen=seen(versions),
    )


def seen(versions: list[Version]) -> Context:
    """Every version up to each one that came; behind a hole, only what came itself."""
    out = Context()
    for version in versions:
        single = version.flags & AFTER_HOLE
        out = out.merged(
            Context({}, frozenset([version.dot]))
            if single
            else Context({version.dot.origin: version.dot.sequence})
        )
    return out


def decided(number: int, found: list[Named], policy: str) -> Field:
    """`found` goes from the latest on."""
    value, setter, conflict = found[0].assigned[number], found[0], False
    values = [one.assigned[number] for one in found]
    if len(set(values)) > 1:
        match policy:
            case "highest":
                for one, other in zip(found[1:], values[1:]):
                    if higher(other, value):
                        value, setter = other, one
            case "any":
                value, setter = next(
                    ((other, one) for one, other in zip(found, values) if other == Value(INTEGER, 1)),
                    (value, setter),
                )
            case "union":
                lists = (other.content for other in values if other.kind == LIST)
                items = {item for items in lists for item in items}
                items |= {other.content for other in values if other.kind == TEXT}
                value = Value(LIST, tuple(sorted(items)))
            case _:
                conflict = True
    return Field(value, setter.version.dot, conflict, found)


def higher(one: Value, other: Value) -> bool:
    if other == BLANK or one == BLANK:
        return other == BLANK
    return (
        one.kind == other.kind in (INTEGER, DECIMAL, TEXT)
        and one.scale == other.scale
        and one.content > other.content
    )


def print_of(data: bytes) -> int:
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 % WORD
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 % WORD
    h = (h ^ h >> 27) * 0x94D049BB133111EB % WORD
    return h ^ h >> 31


def record_prints(record: Record, example: Version) -> tuple[int, int]:
    """The print that names the record, and its own. `example` is any version of it."""
    out = Writer().text(example.form)
    for value in example.key:
        out.raw(value.canonical())
    out.u8(0xFF)
    name = print_of(out)
    out.varint(record.revision).zigzag(record.first_created).varint(len(record.held))
    for one, numbers in record.held:
        version = one.version
        out.u64(version.first_name.origin).varint(version.first_name.sequence)
        out.u8(version.flags & (DELETE | CLOCK_UNTRUSTED)).zigzag(version.authored).zigzag(version.stated)
        out.text(version.author).varint(len(numbers))
        for number in sorted(numbers):
            out.varint(number).raw(one.assigned[number].canonical() if number else b"")
    return name, print_of(out)

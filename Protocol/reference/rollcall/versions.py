"""What a version says, version vectors and contexts (sections 8 and 12)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .wire import Reader, Writer, malformed, utf8

NOT_STATED, INTEGER, DECIMAL, TEXT, LIST = range(5)
DELETE, CLOCK_UNTRUSTED, AUTHORED_DOT, AFTER_HOLE = 1, 2, 4, 128

Vector = dict[int, int]


class Dot(NamedTuple):
    origin: int
    sequence: int


class Value(NamedTuple):
    """A value of a record. The content is None, an int, a str or a tuple of str, as the kind says."""

    kind: int
    content: int | str | tuple[str, ...] | None
    scale: int = 0

    def canonical(self) -> bytes:
        out = Writer().u8(self.kind)
        match self.kind:
            case 1:
                out.zigzag(self.content)
            case 2:
                out.u8(self.scale).zigzag(self.content)
            case 3:
                out.text(self.content)
            case 4:
                out.raw(list_bytes(self.content))
        return bytes(out)


BLANK = Value(NOT_STATED, None)


def list_bytes(items: Iterable[str]) -> bytes:
    items = list(items)
    out = Writer().varint(len(items))
    for item in items:
        out.text(item)
    return bytes(out)


def list_items(raw: bytes) -> tuple[str, ...]:
    reader = Reader(raw)
    items = tuple(reader.text() for _ in range(reader.count(len(raw))))
    reader.end()
    return items


def content_of(kind: int, raw: bytes) -> str | tuple[str, ...]:
    return utf8(raw) if kind == TEXT else list_items(raw)


@dataclass(frozen=True)
class Context:
    """What an author had been shown of a record: a vector, and single dots beyond it."""

    vector: Vector = field(default_factory=dict)
    dots: frozenset[Dot] = frozenset()

    def covers(self, dot: Dot) -> bool:
        return dot.sequence <= self.vector.get(dot.origin, 0) or dot in self.dots

    def merged(self, other: "Context") -> "Context":
        vector = merged_vectors(self.vector, other.vector)
        beyond = (dot for dot in self.dots | other.dots if dot.sequence > vector.get(dot.origin, 0))
        return Context(vector, frozenset(beyond))

    def canonical(self) -> bytes:
        out = Writer().varint(len(self.vector))
        for origin, count in sorted(self.vector.items()):
            out.u64(origin).varint(count)
        out.varint(len(self.dots))
        for dot in sorted(self.dots):
            out.u64(dot.origin).varint(dot.sequence)
        return bytes(out)


def read_context(reader: Reader, limit: int) -> Context:
    """A context in its canonical form, as what is read out has it."""
    vector = [Dot(reader.origin(), reader.sequence(1)) for _ in range(reader.count(limit))]
    dots = [Dot(reader.origin(), reader.sequence(1)) for _ in range(reader.count(limit))]
    return checked_context(vector, dots)


def checked_context(vector: list[Dot], dots: list[Dot]) -> Context:
    origins = [entry.origin for entry in vector]
    if not ascends(origins) or not ascends(dots):
        raise malformed("a context ascends without repeats")
    context = Context(dict(vector), frozenset(dots))
    if any(dot.sequence <= context.vector.get(dot.origin, 0) for dot in dots):
        raise malformed("a dot lies in the vector")
    return context


def ascends(items: list) -> bool:
    return all(left < right for left, right in zip(items, items[1:]))


def vector_of(entries: Iterable[tuple[int, int]]) -> Vector:
    """A vector out of entries in any order: of each origin the highest count, without zeros."""
    vector: Vector = {}
    for origin, count in entries:
        if origin and count > vector.get(origin, 0):
            vector[origin] = count
    return vector


def merged_vectors(left: Vector, right: Vector) -> Vector:
    return vector_of([*left.items(), *right.items()])


def relation(left: Vector, right: Vector) -> str:
    """What the left vector is to the right one."""
    more = any(count > right.get(origin, 0) for origin, count in left.items())
    less = any(count > left.get(origin, 0) for origin, count in right.items())
    if more and less:
        return "concurrent"
    return "greater" if more else "lesser" if less else "equal"


@dataclass
class Version:
    """One authored change of a record. `fields` has the retention class and value of each assigned field."""

    form: str
    revision: int
    key: tuple[Value, ...]
    authored: int
    stated: int
    first_created: int
    fields: dict[int, tuple[int, Value]]
    author: str = ""
    flags: int = 0
    authored_dot: Dot | None = None
    context: Context = Context()
    dot: Dot | None = None

    @property
    def first_name(self) -> Dot:
        """The authored dot, or the dot when there is none or one of the version's own origin."""
        if self.authored_dot is None or self.authored_dot.origin == self.dot.origin:
            return self.dot
        return self.authored_dot

    def by_class(self) -> dict[int, list[tuple[int, Value]]]:
        """The assigned fields of each retention class; classes and fields ascend."""
        classes: dict[int, list[tuple[int, Value]]] = {}
        for number, (retention, value) in sorted(self.fields.items()):
            classes.setdefault(retention, []).append((number, value))
        return dict(sorted(classes.items()))

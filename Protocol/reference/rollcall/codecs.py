"""Small readers and writers of fields, out of which `messages` makes its tables.

Each codec also tells a value as the vectors do: bytes and origins in hexadecimal, 64-bit counts in strings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .wire import LIMITS, Reader, Writer, malformed


@dataclass(frozen=True)
class Codec:
    read: Callable[[Reader], Any]
    write: Callable[[Writer, Any], Any]
    tell: Callable[[Any], Any] = lambda value: value


def number(below: int) -> Codec:
    return Codec(lambda reader: reader.varint(below), Writer.varint)


def told_number(value: int) -> str:
    return str(value)


def told_word(value: int) -> str:
    return f"{value:016x}"


def fixed(size: int) -> Codec:
    return Codec(lambda reader: reader.take(size), Writer.raw, bytes.hex)


def text(limit: str, least: int = 0) -> Codec:
    return Codec(lambda reader: reader.text(LIMITS[limit], least), Writer.text)


def counted(limit: str) -> Codec:
    return Codec(lambda reader: reader.counted(LIMITS[limit]), Writer.counted, bytes.hex)


def choice(names: dict[int, Any]) -> Codec:
    """A byte of which only some values mean something."""

    def read(reader: Reader) -> Any:
        value = reader.u8()
        if value not in names:
            raise malformed("a byte that means nothing here")
        return names[value]

    bytes_of = {name: value for value, name in names.items()}
    return Codec(read, lambda out, value: out.u8(bytes_of[value]))


def listing(entry: Codec, limit: int, least: int = 0) -> Codec:
    def read(reader: Reader) -> list:
        count = reader.count(limit)
        if count < least:
            raise malformed("too few entries")
        return [entry.read(reader) for _ in range(count)]

    def write(out: Writer, values: list) -> None:
        out.varint(len(values))
        for value in values:
            entry.write(out, value)

    return Codec(read, write, lambda values: [entry.tell(value) for value in values])


def optional(part: Codec) -> Codec:
    def write(out: Writer, value: Any) -> None:
        out.u8(value is not None)
        if value is not None:
            part.write(out, value)

    return Codec(
        lambda reader: part.read(reader) if reader.flag() else None,
        write,
        lambda value: None if value is None else part.tell(value),
    )


def record(**parts: Codec) -> Codec:
    """Fields in order, as a dict by name."""

    def write(out: Writer, value: dict) -> None:
        for name, part in parts.items():
            part.write(out, value[name])

    return Codec(
        lambda reader: {name: part.read(reader) for name, part in parts.items()},
        write,
        lambda value: {name: part.tell(value[name]) for name, part in parts.items()},
    )


def pair(left: Codec, right: Codec) -> Codec:
    def write(out: Writer, value: tuple) -> None:
        left.write(out, value[0])
        right.write(out, value[1])

    return Codec(
        lambda reader: (left.read(reader), right.read(reader)),
        write,
        lambda value: [left.tell(value[0]), right.tell(value[1])],
    )


FLAG = Codec(Reader.flag, Writer.u8)
U64 = Codec(Reader.u64, Writer.u64, told_word)
ORIGIN = Codec(Reader.origin, Writer.u64, told_word)
SEQUENCE = Codec(Reader.sequence, Writer.varint, told_number)
FROM_ONE = Codec(lambda reader: reader.sequence(1), Writer.varint, told_number)
TIME = Codec(Reader.time, Writer.zigzag)
DAY = Codec(lambda reader: reader.zigzag(32), Writer.zigzag)
VARINT = Codec(Reader.varint, Writer.varint, told_number)
U32 = number(1 << 32)
TOKEN = fixed(16)
DIGEST = fixed(32)
SHORT_DIGEST = fixed(8)
LANE = choice({0: "urgent", 1: "routine"})


def read_kept(reader: Reader) -> list[list[int]]:
    """Stretches of days, first and last, ascending and apart from each other."""
    stretches = []
    for _ in range(reader.count(LIMITS["keptRanges"])):
        first = reader.zigzag(32)
        stretches.append([first, first + reader.varint()])
        if stretches[-1][1] >= 1 << 31:
            raise malformed("past the last day")
    if any(left[1] >= right[0] for left, right in zip(stretches, stretches[1:])):
        raise malformed("stretches of days ascend, and are apart from each other")
    return stretches


def write_kept(out: Writer, stretches: list[list[int]]) -> None:
    out.varint(len(stretches))
    for first, last in stretches:
        out.zigzag(first).varint(last - first)


KEPT = Codec(read_kept, write_kept)

"""Section 1: how single values lie in bytes, and the limits that are checked before work is done."""

import json
from pathlib import Path
from typing import Any

LIMITS: dict[str, int] = json.loads((Path(__file__).parents[2] / "limits.json").read_text())

WORD = 1 << 64


class ProtocolError(Exception):
    """Bytes or a message that is not as SPEC.md says; the code is one of its section 10."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{code}: {words}")
        self.code = code
        self.words = words


def malformed(words: str) -> ProtocolError:
    return ProtocolError(100, words)


def too_much(words: str) -> ProtocolError:
    return ProtocolError(107, words)


def signed(value: int) -> int:
    """The two's complement meaning of the low 64 bits."""
    value %= WORD
    return value - WORD if value >> 63 else value


class Reader:
    """Takes a payload apart; whoever reads it calls `end` when everything should have been read."""

    def __init__(self, data: bytes) -> None:
        self.data = bytes(data)
        self.at = 0
        # What the stream remembers in which the payload came; only batches look at it.
        self.memory: Any = None

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise malformed("bytes are missing")
        self.at += count
        return self.data[self.at - count : self.at]

    def end(self) -> None:
        if self.left:
            raise malformed("bytes are left over")

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def u8(self) -> int:
        return self.number(1)

    def u64(self) -> int:
        return self.number(8)

    def varint(self, below: int = WORD) -> int:
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise malformed("a varint of more than ten bytes")
        if (byte == 0 and shift) or value >= WORD:
            raise malformed("a varint that is not minimal, or above 64 bits")
        if value >= below:
            raise malformed("a number above what its field holds")
        return value

    def zigzag(self, bits: int = 64) -> int:
        value = self.varint(1 << bits)
        return (value >> 1) ^ -(value & 1)

    def count(self, limit: int) -> int:
        """The count of a list: its limit first, then the bytes left, of which each entry takes one."""
        value = self.varint()
        if value > limit:
            raise too_much("a count above its limit")
        if value > self.left:
            raise malformed("more entries than bytes")
        return value

    def counted(self, limit: int = WORD) -> bytes:
        return self.take(self.count(limit))

    def text(self, limit: int = WORD, least: int = 0) -> str:
        raw = self.counted(limit)
        if len(raw) < least:
            raise malformed("an empty text")
        return utf8(raw)

    def flag(self) -> bool:
        value = self.u8()
        if value > 1:
            raise malformed("a flag is 0 or 1")
        return value == 1

    def origin(self) -> int:
        value = self.u64()
        if value == 0:
            raise malformed("0 names no origin")
        return value

    def sequence(self, least: int = 0) -> int:
        value = self.varint()
        if value > LIMITS["sequence"]:
            raise too_much("a sequence above its limit")
        if value < least:
            raise malformed("versions are counted from 1")
        return value

    def time(self) -> int:
        return checked_time(self.zigzag())


def checked_time(value: int) -> int:
    if abs(value) > LIMITS["time"]:
        raise too_much("a time above its limit")
    return value


def utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("not UTF-8") from None


class Writer(bytearray):
    """Puts a payload together."""

    def number(self, value: int, size: int) -> "Writer":
        self.extend(value.to_bytes(size, "big"))
        return self

    def u8(self, value: int) -> "Writer":
        return self.number(value, 1)

    def u64(self, value: int) -> "Writer":
        return self.number(value % WORD, 8)

    def varint(self, value: int) -> "Writer":
        while value > 0x7F:
            self.append(value & 0x7F | 0x80)
            value >>= 7
        self.append(value)
        return self

    def zigzag(self, value: int) -> "Writer":
        return self.varint(value << 1 if value >= 0 else (-value << 1) - 1)

    def raw(self, value: bytes) -> "Writer":
        self.extend(value)
        return self

    def counted(self, value: bytes) -> "Writer":
        return self.varint(len(value)).raw(value)

    def text(self, value: str) -> "Writer":
        return self.counted(value.encode("utf-8"))

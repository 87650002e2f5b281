"""Sections 2 and 3: the preamble, and frames with their checks and the deflate stream of each direction."""

import zlib
from pathlib import Path
from typing import Any

from .memory import Memory
from .messages import MESSAGES, NAMES, NOT_CRITICAL, payload_of, read_message
from .wire import LIMITS, ProtocolError, malformed

MAGIC = b"ROLLCALL"
OWN_VERSIONS = (1, 1)
CRITICAL, IN_STREAM, FRESH = 1, 2, 4
HEADER = 16
FLUSH_END = b"\x00\x00\xff\xff"
WINDOW_BITS = 15
DICTIONARY = 1
PRESET = {
    0: b"",
    DICTIONARY: (Path(__file__).resolve().parents[2] / "dictionary" / "dictionary-1.bin").read_bytes(),
}

Message = tuple[str, dict[str, Any]]


def preamble(lowest: int = OWN_VERSIONS[0], highest: int = OWN_VERSIONS[1]) -> bytes:
    return MAGIC + lowest.to_bytes(2, "big") + highest.to_bytes(2, "big")


def agreed_version(data: bytes, own: tuple[int, int] = OWN_VERSIONS) -> int:
    """The version of the connection, of the twelve bytes that the peer sent."""
    lowest, highest = int.from_bytes(data[8:10], "big"), int.from_bytes(data[10:12], "big")
    if len(data) != 12 or data[:8] != MAGIC or not 1 <= lowest <= highest:
        raise ProtocolError(110, "not Rollcall")
    version = min(own[1], highest)
    if version < own[0]:
        raise ProtocolError(111, "the peer is too old")
    if version < lowest:
        raise ProtocolError(112, "the peer is too new")
    return version


def agreed_dictionary(hello: dict[str, Any]) -> int:
    return DICTIONARY if DICTIONARY in hello["dictionaries"] else 0


class FrameReader:
    """Makes messages of one direction's bytes, however they are cut. Reads nothing behind an error."""

    def __init__(self, welcomed: bool = False, at_hub: bool = False) -> None:
        self.at_hub = at_hub
        self.welcomed = welcomed
        self.greeted = False
        self.dictionary = 0
        self.buffer = bytearray()
        self.stream: Any = None
        self.memory: Memory | None = None
        self.failure: ProtocolError | None = None

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now. An error shows at the next call when messages came before it."""
        if self.failure:
            raise self.failure
        self.buffer += data
        messages: list[Message] = []
        try:
            while (message := self.next_frame()) is not None:
                messages.append(message)
        except ProtocolError as error:
            self.failure = error
            if not messages:
                raise
        return messages

    def next_frame(self) -> Message | None:
        if len(self.buffer) < HEADER:
            return None
        header = bytes(self.buffer[:HEADER])
        number, flags = header[0], header[1]
        if zlib.crc32(header[:2] + header[4:]) & 0xFFFF != int.from_bytes(header[2:4], "big"):
            raise ProtocolError(102, "the header's check does not hold")
        length, inflated, crc = (int.from_bytes(header[at : at + 4], "big") for at in (4, 8, 12))
        self.check_lengths(flags, length, inflated)
        if len(self.buffer) < HEADER + length:
            return None
        payload = bytes(self.buffer[HEADER : HEADER + length])
        del self.buffer[: HEADER + length]
        if flags & IN_STREAM:
            payload = self.inflate(payload, inflated, fresh=bool(flags & FRESH))
        if zlib.crc32(payload) != crc:
            raise ProtocolError(102, "the payload's CRC does not hold")
        if number not in NAMES:
            if flags & CRITICAL:
                raise ProtocolError(105, "an unknown type that must not be passed over")
            return "Unknown", {"number": number}
        name, message = read_message(number, payload, self.memory if flags & IN_STREAM else None)
        if name == "Hello":
            # Who lets devices in looks at what follows only once it has judged this one.
            self.greeted = True
            self.dictionary = agreed_dictionary(message)
        if name == "Welcome":
            self.welcomed = True
            self.dictionary = message["dictionary"]
            if self.dictionary not in PRESET:
                raise malformed("an unknown preset dictionary")
        return name, message

    def check_lengths(self, flags: int, length: int, inflated: int) -> None:
        if not self.welcomed and not self.greeted and flags & IN_STREAM:
            raise ProtocolError(106, "in-stream before Hello was judged, or Welcome came")
        is_strict = self.at_hub and not self.welcomed
        if length > LIMITS["frameBeforeWelcome" if is_strict else "framePayload"]:
            raise ProtocolError(101, "a payload above its limit")
        if inflated > LIMITS["frameBeforeWelcome" if is_strict else "frameInflated"] or flags & IN_STREAM and inflated > 1040 * (length + 8):
            raise ProtocolError(104, "inflates too large")
        if not flags & IN_STREAM and (length != inflated or flags & FRESH):
            raise malformed("a plain frame has one length, and no fresh context")

    def inflate(self, payload: bytes, inflated: int, fresh: bool) -> bytes:
        if fresh:
            self.memory = Memory()
            self.stream = zlib.decompressobj(-WINDOW_BITS, zdict=PRESET[self.dictionary])
        if self.stream is None:
            raise ProtocolError(103, "no stream has begun")
        try:
            data = self.stream.decompress(payload + FLUSH_END, inflated + 1)
        except zlib.error as error:
            raise ProtocolError(103, str(error)) from None
        if len(data) > inflated:
            raise ProtocolError(104, "goes on behind its inflated length")
        if len(data) < inflated or self.stream.eof:
            raise ProtocolError(103, "ends before its inflated length, or for good")
        return data


class FrameWriter:
    """Makes frames of one direction, in its deflate stream where the caller says so."""

    def __init__(self) -> None:
        self.stream: Any = None
        self.dictionary = 0

    def frame(self, name: str, message: dict[str, Any], in_stream: bool = False) -> bytes:
        number = MESSAGES[name][0]
        payload = payload_of(name, message)
        if name == "Hello":
            self.dictionary = agreed_dictionary(message)
        flags = 0 if name in NOT_CRITICAL else CRITICAL
        travels = payload
        if in_stream:
            flags |= IN_STREAM
            if self.stream is None:
                preset = PRESET[self.dictionary]
                self.stream = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS, zdict=preset)
                flags |= FRESH
            travels = self.stream.compress(payload) + self.stream.flush(zlib.Z_SYNC_FLUSH)
            travels = travels.removesuffix(FLUSH_END)
        rest = b"".join(part.to_bytes(4, "big") for part in (len(travels), len(payload), zlib.crc32(payload)))
        check = zlib.crc32(bytes([number, flags]) + rest) & 0xFFFF
        return bytes([number, flags]) + check.to_bytes(2, "big") + rest + travels

"""Section 20: a version that is read out, closed for the hub, in lines of digits."""

import hmac

from .keys import PrivateKey, digest, public_bytes, shared_secret
from .versions import (
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
    read_context,
)
from .wire import LIMITS, Reader, malformed, utf8

WORDS = [
    "alert",
    "daily-report",
    "check-in",
    "symptoms",
    "open",
    "taken",
    "closed",
    "ZERO",
    "CASES",
    "temperature=",
    "fever",
    "fatigue",
    "cough",
]
STATED, CREATED, AUTHOR, CONTEXT = 4, 8, 16, 32
DIGITS = {7: 17, 6: 15, 5: 13, 4: 10, 3: 8, 2: 5, 1: 3}


def read_said(reader: Reader) -> str:
    how = reader.varint()
    count = how >> 2
    match how & 3:
        case 0:
            return utf8(reader.take(count))
        case 2:
            before, digits = reader.take(count), reader.u8()
            number = reader.varint()
            if not 1 <= digits <= 18 or number >= 10**digits:
                raise malformed("a number of more digits")
            return utf8(before) + f"{number:0{digits}d}"
    if count >= len(WORDS):
        raise malformed("no such word")
    return WORDS[count] + (reader.text() if how & 3 == 3 else "")


def read_value(reader: Reader, kind: int) -> Value:
    match kind:
        case 0:
            return BLANK
        case 1:
            return Value(INTEGER, reader.zigzag())
        case 2:
            scale = reader.u8()
            if scale > 18:
                raise malformed("a scale above 18")
            return Value(DECIMAL, reader.zigzag(), scale)
        case 3:
            return Value(TEXT, read_said(reader))
        case 4:
            return Value(LIST, tuple(read_said(reader) for _ in range(reader.count(LIMITS["spokenBytes"]))))
    raise malformed("no such kind")


def read_body(body: bytes) -> Version:
    """The version with its first name as its dot."""
    reader = Reader(body)
    flags = reader.u8()
    if flags >= 64:
        raise malformed("an unknown flag")
    dot = Dot(reader.origin(), reader.sequence(1))
    authored = reader.time()
    stated = authored + (reader.zigzag() if flags & STATED else 0)
    created = stated + (reader.zigzag() if flags & CREATED else 0)
    author = read_said(reader) if flags & AUTHOR else ""
    context = read_context(reader, LIMITS["contextEntries"]) if flags & CONTEXT else Context()
    form, revision = read_said(reader), reader.varint(1 << 32)
    if not form:
        raise malformed("a form has a name")
    key = tuple(read_value(reader, reader.u8()) for _ in range(reader.count(LIMITS["groupKeys"])))
    fields: dict[int, tuple[int, Value]] = {}
    before = 0
    for _ in range(reader.count(LIMITS["groupFields"])):
        number, how = reader.varint(65536), reader.varint()
        if number <= before or how >> 3 > 254:
            raise malformed("fields ascend; there is no class 255")
        before = number
        fields[number] = (how >> 3, read_value(reader, how & 7))
    reader.end()
    return Version(
        form,
        revision,
        key,
        authored,
        stated,
        created,
        fields,
        author,
        flags & (DELETE | CLOCK_UNTRUSTED),
        None,
        context,
        dot,
    )


def mac(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(key, b"".join(parts), "sha256")


def three_keys(key: PrivateKey, peer: bytes, device: bytes, hub: bytes) -> tuple[bytes, bytes, bytes]:
    """HKDF-SHA256 without salt: for the tag, for closing, for the answer."""
    extracted = mac(bytes(32), shared_secret(key, peer))
    info = b"rollcall spoken v1" + digest(device) + digest(hub)
    first = mac(extracted, info, b"\x01")
    second = mac(extracted, first, info, b"\x02")
    return first, second, mac(extracted, second, info, b"\x03")


def xored(key: bytes, tag: bytes, body: bytes) -> bytes:
    blocks = b"".join(mac(key, tag, bytes([i])) for i in range((len(body) + 31) // 32))
    return bytes(a ^ b for a, b in zip(body, blocks))


def close(body: bytes, device: PrivateKey, hub: bytes) -> bytes:
    public = public_bytes(device)
    tag_key, close_key, _ = three_keys(device, hub, public, hub)
    count = bytes([8 + len(body)])
    if count[0] > LIMITS["spokenBytes"]:
        raise malformed("too long to be read out")
    tag = mac(tag_key, count, body)[:5]
    return count + digest(public)[:2] + tag + xored(close_key, tag, body)


def opened(closed: bytes, hub: PrivateKey, device: bytes) -> tuple[bytes, str]:
    """The body, and the answer that is read back."""
    reader = Reader(closed)
    count = reader.u8()
    if count != len(closed) or not 8 <= count <= LIMITS["spokenBytes"]:
        raise malformed("another number of bytes than was said")
    if reader.take(2) != digest(device)[:2]:
        raise malformed("of another device")
    tag_key, close_key, answer_key = three_keys(hub, device, device, public_bytes(hub))
    tag = reader.take(5)
    body = xored(close_key, tag, reader.take(reader.left))
    if not hmac.compare_digest(mac(tag_key, closed[:1], body)[:5], tag):
        raise malformed("not closed by this device for this hub")
    number = int.from_bytes(mac(answer_key, tag, body)[:8], "big") % 10**10
    return body, grouped(with_check(f"{number:010d}"))


def with_check(digits: str) -> str:
    return digits + f"{98 - int(digits + '00') % 97:02d}"


def grouped(digits: str) -> str:
    return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))


def lines_of(closed: bytes) -> list[str]:
    lines = []
    for at in range(0, len(closed), 7):
        part = closed[at : at + 7]
        lines.append(
            grouped(with_check(f"{at // 7 + 1:02d}{int.from_bytes(part, 'big'):0{DIGITS[len(part)]}d}"))
        )
    return lines


def read_line(line: str) -> tuple[int, bytes]:
    """The number of a line, and its bytes."""
    digits = line.replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        raise malformed("letters are no digits")
    size = next((size for size, count in DIGITS.items() if count == len(digits) - 4), None)
    if size is None:
        raise malformed("no line has so many digits")
    number, value = int(digits[:2]), int(digits[2:-2])
    if with_check(digits[:-2]) != digits or number == 0 or value >> 8 * size:
        raise malformed("a line that is not as it was said")
    return number, value.to_bytes(size, "big")

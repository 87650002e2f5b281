"""Section 13: the code with which a device joins."""

import base64
import zlib
from dataclasses import dataclass

from .wire import Reader, Writer, malformed, signed, utf8

PREFIX = "rc1-"


@dataclass(frozen=True)
class JoinCode:
    expires: int
    secret: bytes
    hub: bytes
    unit: str
    address: str

    @property
    def host_and_port(self) -> tuple[str, int]:
        host, _, port = self.address.rpartition(":")
        return host.strip("[]"), int(port)


def read_join_code(text: str) -> JoinCode:
    text = "".join(character for character in text if character > " ")
    if not text.startswith(PREFIX):
        raise malformed("not a join code")
    letters = text.removeprefix(PREFIX)
    try:
        data = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise malformed("not base64url") from None
    if unpadded(data) != letters:
        raise malformed("bits to spare that are not 0, or other letters")
    reader = Reader(data)
    if reader.u8() != 1:
        raise malformed("a code of another version")
    expires, secret, hub = signed(reader.u64()), reader.take(16), reader.take(32)
    unit, address = utf8(reader.take(reader.u8())), utf8(reader.take(reader.u8()))
    if zlib.crc32(data[: reader.at]) != reader.number(4):
        raise malformed("the check does not hold")
    reader.end()
    return JoinCode(expires, secret, hub, unit, address)


def write_join_code(code: JoinCode) -> str:
    out = Writer().u8(1).u64(code.expires).raw(code.secret).raw(code.hub)
    for text in (code.unit.encode(), code.address.encode()):
        out.u8(len(text)).raw(text)
    return PREFIX + unpadded(bytes(out.number(zlib.crc32(out), 4)))


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

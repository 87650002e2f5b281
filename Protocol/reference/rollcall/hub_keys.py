"""Section 21: the keys of a hub, and which of them an agent believes."""

from dataclasses import dataclass

from .keys import PUBLIC_SIZE, digest, signed_by
from .wire import LIMITS, Reader, malformed, signed

HUB, RECOVERY = 1, 2
KINDS = {HUB: "key", RECOVERY: "recovery"}
# 2.25.1380926283, as it lies in a certificate.
EXTENSION = bytes.fromhex("698592bd864b")


@dataclass(frozen=True)
class Entry:
    kind: int
    by: int
    time: int
    key: bytes
    signature: bytes
    digest: bytes

    @property
    def statement(self) -> bytes:
        return b"rollcall hub key v1" + self.digest


@dataclass(frozen=True)
class HubKeys:
    """Keys that hold: every entry is signed by the key that it says."""

    first: bytes
    entries: tuple[Entry, ...]

    @property
    def called_by(self) -> bytes:
        return digest(self.first)

    @property
    def own(self) -> list[bytes]:
        """All keys that were ever the hub's own; the last one is the present one."""
        return [self.first] + [entry.key for entry in self.entries if entry.kind == HUB]

    @property
    def current(self) -> bytes:
        return self.own[-1]

    @property
    def recovery(self) -> bytes | None:
        return next((entry.key for entry in reversed(self.entries) if entry.kind == RECOVERY), None)

    def replace(self, kept: "HubKeys") -> bool:
        """Whether an agent that kept those others believes these in their stead."""
        if self.first != kept.first:
            return False
        common = 0
        for mine, other in zip(self.entries, kept.entries):
            if mine.digest != other.digest:
                break
            common += 1
        mine, other = self.entries[common:], kept.entries[common:]
        if not other:
            return bool(mine)
        return bool(mine) and mine[0].by == 1 and other[0].by == 0


def read_hub_keys(data: bytes) -> HubKeys:
    reader = Reader(data)
    first = reader.take(PUBLIC_SIZE)
    if reader.left > LIMITS["hubKeys"] * 139:
        raise malformed("too many keys")
    entries: list[Entry] = []
    before = digest(first)
    present: dict[int, bytes | None] = {0: first, 1: None}
    while reader.left:
        start = reader.at
        kind, by, time, key = reader.u8(), reader.u8(), signed(reader.u64()), reader.take(PUBLIC_SIZE)
        before = digest(before, reader.data[start : reader.at])
        entry = Entry(kind, by, time, key, reader.take(64), before)
        if kind not in KINDS or by not in present:
            raise malformed("an entry of no kind, or by nobody")
        if present[by] is None or not signed_by(present[by], entry.statement, entry.signature):
            raise malformed("an entry that its key has not signed")
        present[kind - 1] = key
        entries.append(entry)
    return HubKeys(first, tuple(entries))

"""Section 8: canonical bytes, digests, chains, seals and receipts; section 17: certificates."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .keys import digest, signed_by
from .versions import AUTHORED_DOT, CLOCK_UNTRUSTED, DELETE, Dot, Version
from .wire import WORD, ProtocolError, Writer, malformed

DAY = 86_400_000
LANES = {"urgent": 0, "routine": 1}
NO_HASH = bytes(32)

Salts = dict[tuple[int, int], bytes]


def derivation(public: bytes, lane: str, nonce: bytes) -> bytes:
    """The chain before the first version; its first eight bytes are the origin's id."""
    return digest(b"rollcall origin v1", digest(public), bytes([LANES[lane]]), nonce)


def origin_of(derived: bytes) -> int:
    return int.from_bytes(derived[:8], "big")


def hashed_classes(version: Version, salts: Salts) -> list[tuple[int, bytes]]:
    """For each retention class, what is hashed of it."""
    out = []
    for retention, fields in version.by_class().items():
        salt = salts.get((version.authored // DAY, retention))
        if salt is None:
            raise ProtocolError(209, "a salt is missing")
        part = Writer(salt).varint(len(fields))
        for number, value in fields:
            part.varint(number).raw(value.canonical())
        out.append((retention, bytes(part)))
    return out


def canonical_bytes(version: Version, salts: Salts) -> bytes:
    out = Writer(b"RCv1").u64(version.dot.origin).u64(version.dot.sequence)
    out.u8(version.flags & (DELETE | CLOCK_UNTRUSTED | AUTHORED_DOT))
    if version.authored_dot:
        out.u64(version.authored_dot.origin).u64(version.authored_dot.sequence)
    out.raw(version.context.canonical()).text(version.form).varint(version.revision)
    out.zigzag(version.authored).zigzag(version.stated).zigzag(version.first_created).text(version.author)
    out.varint(len(version.key))
    for value in version.key:
        out.raw(value.canonical())
    classes = hashed_classes(version, salts)
    out.u8(len(classes))
    for retention, hashed in classes:
        out.u8(retention).raw(digest(hashed))
    return bytes(out)


def next_head(head: bytes, version: Version, salts: Salts) -> bytes:
    return digest(head, digest(canonical_bytes(version, salts)))


def seal_statement(origin: int, sequence: int, head: bytes) -> bytes:
    return bytes(Writer(b"rollcall seal v1").u64(origin).u64(sequence).raw(head))


def receipt_statement(hub: bytes, epoch: bytes, receipt: dict[str, Any]) -> bytes:
    """`hub` is what the hub is called by: the SHA-256 of its first public key."""
    return bytes(
        Writer(b"rollcall receipt v1")
        .raw(hub)
        .raw(epoch)
        .u64(receipt["origin"])
        .u64(receipt["sequence"])
        .raw(receipt["head"])
        .u64(receipt["time"])
    )


def arrival_hash(before: bytes, position: int, origin: int, first: int, last: int, head: bytes) -> bytes:
    parts = Writer(b"rollcall arrival v1").raw(before)
    for number in (position, origin, first, last):
        parts.u64(number)
    return digest(bytes(parts), head)


def mark_sum(dots: Iterable[Dot]) -> int:
    total = 0
    for dot in dots:
        z = (dot.origin + 0x9E3779B97F4A7C15 * dot.sequence) % WORD
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % WORD
        z = (z ^ z >> 27) * 0x94D049BB133111EB % WORD
        total += z ^ z >> 31
    return total % WORD


@dataclass
class HeldJournal:
    """What a hub holds of one origin, and how it judges batches of it (section 9, rule 6)."""

    public: bytes
    origin: int
    head: bytes
    sequence: int = 0
    salts: Salts = field(default_factory=dict)
    # The last version sealed, and its head; receipts reach no further.
    sealed: tuple[int, bytes] = (0, NO_HASH)

    def take(self, batch: dict[str, Any]) -> tuple[str, Any]:
        """`taken` and the last sequence sealed, `held`, `gap` and the sequence wanted, or `fork`."""
        last = batch["first"] + len(batch["rows"]) - 1
        if last <= self.sequence:
            return "held", None
        if batch["first"] != self.sequence + 1:
            return "gap", self.sequence + 1
        if batch["before"] != self.head[:8]:
            return "fork", None
        salts = dict(self.salts)
        for salt in batch["salts"]:
            if salts.setdefault((salt["day"], salt["class"]), salt["salt"]) != salt["salt"]:
                raise malformed("another salt for a day and class than before")
        heads = {}
        head = self.head
        for version in batch["rows"]:
            head = heads[version.dot.sequence] = next_head(head, version, salts)
        if batch["after"] != head[:8]:
            return "fork", None
        for seal in batch["seals"]:
            statement = seal_statement(self.origin, seal["sequence"], heads[seal["sequence"]])
            if not signed_by(self.public, statement, seal["signature"]):
                raise ProtocolError(208, "a forged seal")
        self.head, self.sequence, self.salts = head, last, salts
        if not batch["seals"]:
            return "taken", None
        sealed = batch["seals"][-1]["sequence"]
        self.sealed = (sealed, heads[sealed])
        return "taken", sealed


def certificate_statement(certificate: dict[str, Any], hub: bytes) -> bytes:
    out = Writer(b"rollcall certificate v1").raw(hub).raw(digest(bytes.fromhex(certificate["device"])))
    out.u64(certificate["at"]).u64(len(certificate["journals"]))
    for journal in certificate["journals"]:
        receipt = journal.get("receipt", {"epoch": bytes(16).hex(), "sequence": 0})
        out.u8(LANES[journal["lane"]]).raw(bytes.fromhex(journal["nonce"])).u64(journal["sequence"])
        out.raw(bytes.fromhex(journal["head"])).raw(bytes.fromhex(receipt["epoch"])).u64(receipt["sequence"])
    return bytes(out)


def certificate_defects(certificate: dict[str, Any], hub: bytes, hub_signs_with: list[bytes]) -> list[str]:
    """What does not hold: `signature`, `receipt`, `otherJournal`."""
    device = bytes.fromhex(certificate["device"])
    statement = certificate_statement(certificate, hub)
    defects = [] if signed_by(device, statement, bytes.fromhex(certificate["signature"])) else ["signature"]
    for journal in certificate["journals"]:
        told = journal.get("receipt")
        if told is None:
            continue
        origin = origin_of(derivation(device, journal["lane"], bytes.fromhex(journal["nonce"])))
        receipt = {
            "origin": origin,
            "sequence": told["sequence"],
            "head": bytes.fromhex(told["head"]),
            "time": told["time"],
        }
        receipted = receipt_statement(hub, bytes.fromhex(told["epoch"]), receipt)
        if not any(signed_by(key, receipted, bytes.fromhex(told["signature"])) for key in hub_signs_with):
            defects.append("receipt")
        reach, end = told["sequence"], journal["sequence"]
        if reach > end or reach == end and told["head"] != journal["head"]:
            defects.append("otherJournal")
    return defects

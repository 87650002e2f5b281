"""Sections 4 to 6 and 15: what the payloads say. A message is its name and a dict by field."""

from typing import Any

from .codecs import (
    DAY,
    DIGEST,
    SHORT_DIGEST,
    FLAG,
    FROM_ONE,
    KEPT,
    LANE,
    ORIGIN,
    SEQUENCE,
    TIME,
    TOKEN,
    U32,
    U64,
    VARINT,
    Codec,
    choice,
    counted,
    listing,
    number,
    optional,
    pair,
    record,
    text,
)
from .memory import Memory
from .rows import read_rows, write_rows
from .sequences import read_indexes, read_integers, write_indexes, write_integers
from .versions import AFTER_HOLE, Dot, Version, ascends
from .wire import LIMITS, Reader, Writer, malformed, too_much

UNIT = text("keyBytes")
SETTINGS = counted("settingsBytes")
CAPABILITIES = listing(text("capabilityBytes"), LIMITS["capabilities"])
CODE = number(65536)


def settings_print(settings: bytes) -> int:
    """By which an agent says which settings it has: their print (section 15), or 0 for none."""
    if not settings:
        return 0
    mask = (1 << 64) - 1
    print_ = 0xCBF29CE484222325
    for byte in settings:
        print_ = (print_ ^ byte) * 0x100000001B3 & mask
    print_ = (print_ ^ print_ >> 30) * 0xBF58476D1CE4E5B9 & mask
    print_ = (print_ ^ print_ >> 27) * 0x94D049BB133111EB & mask
    return print_ ^ print_ >> 31


def read_signature(reader: Reader) -> bytes:
    signature = reader.counted(LIMITS["signatureBytes"])
    if len(signature) not in (0, LIMITS["signatureBytes"]):
        raise malformed("a signature is 64 bytes, or none")
    return signature


RECEIPT = record(
    origin=ORIGIN,
    sequence=SEQUENCE,
    head=DIGEST,
    time=TIME,
    signature=Codec(read_signature, Writer.counted, bytes.hex),
)
FEED_TOKEN = record(epoch=TOKEN, position=VARINT, step=VARINT, hash=SHORT_DIGEST)
BACKLOG = record(count=VARINT, oldestAge=VARINT)
CLOSED_AND_LANE = choice(
    {0: (False, "urgent"), 1: (False, "routine"), 2: (True, "urgent"), 3: (True, "routine")}
)


def read_own_origin(reader: Reader) -> dict[str, Any]:
    closed, lane = CLOSED_AND_LANE.read(reader)
    return {"lane": lane, "closed": closed} | OWN_REST.read(reader)


def write_own_origin(out: Writer, value: dict[str, Any]) -> None:
    CLOSED_AND_LANE.write(out, (value["closed"], value["lane"]))
    OWN_REST.write(out, value)


OWN_REST = record(nonce=TOKEN, last=SEQUENCE, head=SHORT_DIGEST, receipted=SEQUENCE)
OWN_ORIGIN = Codec(
    read_own_origin,
    write_own_origin,
    lambda value: OWN_REST.tell(value) | {"lane": value["lane"], "closed": value["closed"]},
)

DOT = pair(ORIGIN, FROM_ONE)
VERDICT = record(
    dot=DOT,
    kind=choice({kind: kind for kind in (1, 2, 3, 4)}),
    field=number(65536),
    reason=text("reasonBytes"),
)
SCOPE_CHANGE = record(
    kind=choice({1: "enter", 2: "leave"}), subject=text("formNameBytes"), id=UNIT, kept=KEPT
)
FEED_HEAD = record(
    lane=LANE,
    token=FEED_TOKEN,
    forms=listing(counted("formDefinitionBytes"), LIMITS["feedItems"]),
    settings=SETTINGS,
    scope=listing(SCOPE_CHANGE, LIMITS["feedItems"]),
    verdicts=listing(VERDICT, LIMITS["feedItems"]),
)
BATCH_HEAD = record(origin=ORIGIN, first=FROM_ONE)
SALT = record(day=DAY, **{"class": Codec(Reader.u8, Writer.u8)}, salt=TOKEN)


def read_rows_to_the_end(reader: Reader, count: int) -> list[Version]:
    rows = read_rows(reader)
    if len(rows) != count:
        raise malformed("another number of rows than was said")
    return rows


def read_batch(reader: Reader) -> dict[str, Any]:
    batch = BATCH_HEAD.read(reader)
    count = reader.varint()
    if count > LIMITS["batchVersions"] or batch["first"] + count - 1 > LIMITS["sequence"]:
        raise too_much("too many versions")
    if count == 0:
        raise malformed("a batch of nothing")
    batch["before"], batch["after"] = reader.take(8), reader.take(8)
    batch["salts"] = [SALT.read(reader) for _ in range(reader.count(LIMITS["batchSalts"]))]
    if len({(salt["day"], salt["class"]) for salt in batch["salts"]}) < len(batch["salts"]):
        raise malformed("a day and class with two salts")
    batch["seals"] = [
        {"sequence": batch["first"] + reader.varint(), "signature": reader.counted(LIMITS["signatureBytes"])}
        for _ in range(reader.count(LIMITS["batchSeals"]))
    ]
    sealed = [seal["sequence"] for seal in batch["seals"]]
    if not ascends(sealed) or any(sequence >= batch["first"] + count for sequence in sealed):
        raise malformed("seals ascend, and lie in the batch")
    if any(len(seal["signature"]) != LIMITS["signatureBytes"] for seal in batch["seals"]):
        raise malformed("a seal is 64 bytes")
    batch["rows"] = read_rows_to_the_end(reader, count)
    if any(version.flags & AFTER_HOLE for version in batch["rows"]):
        raise malformed("only the feed has versions after a hole")
    for place, version in enumerate(batch["rows"]):
        version.dot = Dot(batch["origin"], batch["first"] + place)
    return batch


def write_batch(out: Writer, batch: dict[str, Any]) -> None:
    BATCH_HEAD.write(out, batch)
    out.varint(len(batch["rows"])).raw(batch["before"]).raw(batch["after"])
    listing(SALT, LIMITS["batchSalts"]).write(out, batch["salts"])
    out.varint(len(batch["seals"]))
    for seal in batch["seals"]:
        out.varint(seal["sequence"] - batch["first"]).counted(seal["signature"])
    write_rows(out, batch["rows"])


def tell_batch(batch: dict[str, Any]) -> dict[str, Any]:
    seals = [
        {"sequence": str(seal["sequence"]), "signature": seal["signature"].hex()} for seal in batch["seals"]
    ]
    return BATCH_HEAD.tell(batch) | {
        "before": batch["before"].hex(),
        "after": batch["after"].hex(),
        "salts": [SALT.tell(salt) for salt in batch["salts"]],
        "seals": seals,
        "rows": batch["rows"],
    }


def read_feed(reader: Reader) -> dict[str, Any]:
    feed = FEED_HEAD.read(reader)
    if any(change["kind"] == "enter" and change["kept"] for change in feed["scope"]):
        raise malformed("only a leave keeps days")
    origins = [reader.origin() for _ in range(reader.count(LIMITS["feedItems"]))]
    if not ascends(origins):
        raise malformed("origins ascend without repeats")
    count = reader.varint()
    if count > LIMITS["feedItems"]:
        raise too_much("too many versions")
    places = read_indexes(reader, count, len(origins))
    sequences = read_integers(reader, count)
    if any(sequence < 1 for sequence in sequences):
        raise malformed("versions are counted from 1")
    if any(sequence > LIMITS["sequence"] for sequence in sequences):
        raise too_much("a sequence above its limit")
    feed["rows"] = read_rows_to_the_end(reader, count)
    for version, place, sequence in zip(feed["rows"], places, sequences):
        version.dot = Dot(origins[place], sequence)
    return feed


def write_feed(out: Writer, feed: dict[str, Any]) -> None:
    FEED_HEAD.write(out, feed)
    origins = sorted({version.dot.origin for version in feed["rows"]})
    out.varint(len(origins))
    for origin in origins:
        out.u64(origin)
    out.varint(len(feed["rows"]))
    write_indexes(out, [origins.index(version.dot.origin) for version in feed["rows"]])
    write_integers(out, [version.dot.sequence for version in feed["rows"]])
    write_rows(out, feed["rows"])


FORM = text("formNameBytes", least=1)
# What a path of each level has; the day may be none.
PATHS = {
    0: {},
    1: {"form": FORM, "period": DAY},
    2: {"form": FORM, "day": optional(DAY)},
    3: {"form": FORM, "day": optional(DAY), "unit": UNIT},
    4: {
        "form": FORM,
        "day": optional(DAY),
        "unit": UNIT,
        "depth": choice({depth: depth for depth in range(1, 11)}),
        "prefix": VARINT,
    },
}


def read_path(reader: Reader) -> dict[str, Any]:
    level = reader.u8()
    if level not in PATHS:
        raise malformed("no such level")
    path = record(**PATHS[level]).read(reader)
    if level == 4 and path["prefix"] >= 1 << 6 * path["depth"]:
        raise malformed("a prefix of more bits than its depth")
    return path


def level_of(path: dict[str, Any]) -> int:
    return next(level for level, parts in PATHS.items() if parts.keys() == path.keys())


def tell_path(path: dict[str, Any]) -> dict[str, Any] | str:
    return path | ({"prefix": f"{path['prefix']:016x}"} if "prefix" in path else {}) if path else "all"


PATH = Codec(
    read_path,
    lambda out, path: record(**PATHS[level_of(path)]).write(out.u8(level_of(path)), path),
    tell_path,
)
ASK_HEAD = record(
    position=VARINT,
    own=listing(pair(ORIGIN, SEQUENCE), 512),
    paths=listing(PATH, LIMITS["tallyPaths"], least=1),
)


def read_ask(reader: Reader) -> dict[str, Any]:
    ask = ASK_HEAD.read(reader)
    if (
        {} in ask["paths"]
        and len(ask["paths"]) > 1
        or any(ask["paths"].count(path) > 1 for path in ask["paths"])
    ):
        raise malformed("each path once, and all only by itself")
    return ask


def read_part(reader: Reader) -> dict[str, Any]:
    path = read_path(reader)
    part = {"path": path, "cut": reader.flag()}
    if not choice({0: False, 1: True}).read(reader):
        part["groups"] = [read_tally_group(reader, path) for _ in range(reader.count(LIMITS["tallyEntries"]))]
        return part
    part["records"] = []
    for _ in range(reader.count(LIMITS["tallyRecords"])):
        key, print_of, marks = reader.counted(LIMITS["keyBytes"]), reader.u64(), reader.u8()
        if marks > 3:
            raise malformed("an unknown mark of a record")
        part["records"].append(
            {"key": key, "print": print_of, "moving": marks & 1 == 1, "altered": marks & 2 == 2}
        )
    return part


def read_tally_group(reader: Reader, path: dict[str, Any]) -> dict[str, Any]:
    match level_of(path):
        case 0:
            form = FORM.read(reader)
            below = (
                {"form": form, "period": DAY.read(reader)} if reader.flag() else {"form": form, "day": None}
            )
        case 1:
            below = {"form": path["form"], "day": DAY.read(reader)}
            if below["day"] >> 5 != path["period"]:
                raise malformed("a day of another period")
        case 2:
            below = path | {"unit": UNIT.read(reader)}
        case _:
            bits = choice({bits: bits for bits in range(64)}).read(reader)
            below = path | {"depth": path.get("depth", 0) + 1, "prefix": path.get("prefix", 0) << 6 | bits}
    return {"path": below, "count": reader.varint(), "sum": reader.u64(), "moving": reader.varint()}


def read_tally(reader: Reader) -> dict[str, Any]:
    tally = {"position": reader.varint(), "today": reader.zigzag(32)}
    tally["parts"] = [read_part(reader) for _ in range(reader.count(LIMITS["tallyPaths"]))]
    if sum(len(part.get("groups", part.get("records"))) for part in tally["parts"]) > LIMITS["tallyEntries"]:
        raise too_much("too many groups and records")
    return tally


def tell_tally(tally: dict[str, Any]) -> dict[str, Any]:
    parts = []
    for part in tally["parts"]:
        told = part | {"path": tell_path(part["path"])}
        if "groups" in part:
            told["groups"] = [
                {
                    "path": tell_path(group["path"]),
                    "count": str(group["count"]),
                    "sum": f"{group['sum']:016x}",
                    "moving": str(group["moving"]),
                }
                for group in part["groups"]
            ]
        else:
            told["records"] = [
                entry | {"key": entry["key"].hex(), "print": f"{entry['print']:016x}"}
                for entry in part["records"]
            ]
        parts.append(told)
    return {"position": str(tally["position"]), "today": tally["today"], "parts": parts}


def unwritten(out: Writer, value: Any) -> None:
    raise NotImplementedError("this implementation only reads tallies")


REFUSAL = record(code=CODE, retryAfter=U32, words=text("words"))
HELD = record(origin=ORIGIN, sequence=SEQUENCE, head=DIGEST, receipt=optional(RECEIPT), backedUp=SEQUENCE)

# The type, and the payload's fields in their order.
MESSAGES: dict[str, tuple[int, Codec]] = {
    "Join": (1, record(secret=TOKEN, replica=TOKEN, label=text("labelBytes"), clock=TIME)),
    "Joined": (
        2,
        record(
            state=choice({1: "active", 2: "pending"}),
            confirmation=number(1_000_000),
            unit=UNIT,
            unitName=text("words"),
            hubName=text("words"),
            clock=TIME,
            settings=SETTINGS,
        ),
    ),
    "Hello": (
        3,
        record(
            replica=TOKEN,
            origins=listing(OWN_ORIGIN, LIMITS["helloOrigins"]),
            capabilities=CAPABILITIES,
            dictionaries=listing(U32, LIMITS["dictionaries"]),
            clock=TIME,
            sessionToken=TOKEN,
            epoch=TOKEN,
            feed=FEED_TOKEN,
            urgent=BACKLOG,
            routine=BACKLOG,
            program=text("labelBytes"),
            settings=U64,
        ),
    ),
    "Welcome": (
        4,
        record(
            epoch=TOKEN,
            sessionToken=TOKEN,
            tokenUnknown=FLAG,
            held=listing(HELD, LIMITS["helloOrigins"]),
            urgentWindow=U32,
            routineWindow=U32,
            largestBatch=U32,
            clock=TIME,
            capabilities=CAPABILITIES,
            dictionary=U32,
            settings=SETTINGS,
        ),
    ),
    "Refuse": (5, REFUSAL),
    "Batch": (16, Codec(read_batch, write_batch, tell_batch)),
    "Receipt": (17, record(receipts=listing(RECEIPT, LIMITS["helloOrigins"]), position=VARINT)),
    "Feed": (18, Codec(read_feed, write_feed, lambda feed: FEED_HEAD.tell(feed) | {"rows": feed["rows"]})),
    "FeedAck": (19, record(token=FEED_TOKEN)),
    "Mark": (20, record(position=VARINT, count=VARINT, sum=U64)),
    "Heads": (
        21,
        record(
            origin=ORIGIN,
            entries=listing(record(sequence=SEQUENCE, head=optional(DIGEST)), LIMITS["headsEntries"]),
        ),
    ),
    "Fork": (22, record(origin=ORIGIN, sequence=SEQUENCE, head=DIGEST)),
    "Gap": (23, record(origin=ORIGIN, wanted=SEQUENCE)),
    "Ping": (24, record(answer=FLAG, token=U64)),
    "Close": (25, REFUSAL),
    "Ask": (26, Codec(read_ask, ASK_HEAD.write, ASK_HEAD.tell)),
    "Tally": (27, Codec(read_tally, unwritten, tell_tally)),
    "Hole": (28, record(sequence=SEQUENCE, head=DIGEST, receipt=RECEIPT, epoch=TOKEN)),
}
NAMES = {number: name for name, (number, _) in MESSAGES.items()}
NOT_CRITICAL = {"Mark", "Ping", "Ask", "Tally"}


def read_message(number: int, payload: bytes, memory: Memory | None = None) -> tuple[str, dict[str, Any]]:
    name = NAMES[number]
    reader = Reader(payload)
    reader.memory = memory if name == "Batch" else None
    message = MESSAGES[name][1].read(reader)
    reader.end()
    return name, message


def payload_of(name: str, message: dict[str, Any]) -> bytes:
    out = Writer()
    MESSAGES[name][1].write(out, message)
    return bytes(out)

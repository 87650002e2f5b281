"""Checks this implementation against the vectors: python3 -m rollcall.check ../vectors

A line for each file with the number of its cases; exit code 1 when a case fails, which is named.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import hub_keys, join_code, journal, merging, spoken, told, versions
from .frames import FrameReader, agreed_version
from .keys import digest, private_key, public_bytes, sign, signed_by
from .messages import MESSAGES, payload_of
from .rows import read_rows, write_rows
from .wire import ProtocolError, Reader, Writer

# Read a byte at a time only what is short: the long cases differ in nothing else.
SHORT = 20_000

Case = dict[str, Any]
Cases = Iterator[tuple[Case, Callable[[], None]]]


class Failure(Exception):
    pass


def expect(got: Any, wanted: Any, what: str) -> None:
    if got != wanted:
        raise Failure(f"{what}: {str(got)[:200]} instead of {str(wanted)[:200]}")


def expect_code(code: int | None, work: Callable[[], Any]) -> None:
    """Expects the error's code; None stands for any refusal."""
    try:
        result = work()
    except ProtocolError as error:
        if code is not None:
            expect(error.code, code, "code")
        return
    raise Failure(f"accepted: {str(result)[:200]}")


def hexed(case: Case, name: str = "bytes") -> bytes:
    return bytes.fromhex(case[name])


def keys_of(file: Case) -> dict[str, Any]:
    keys = {}
    for key in file["keys"]:
        keys[key["name"]] = private_key(hexed(key, "private"))
        public = public_bytes(keys[key["name"]])
        expect((public.hex(), digest(public).hex()), (key["public"], key["fingerprint"]), "public key")
    return keys


def check_preambles(file: Case) -> Cases:
    for case in file["valid"]:
        yield case, lambda: expect(
            agreed_version(hexed(case), tuple(case["spoken"])), case["version"], "version"
        )
    for case in file["invalid"]:
        yield case, lambda: expect_code(
            case["code"], lambda: agreed_version(hexed(case), tuple(case["spoken"]))
        )


def check_frames(file: Case) -> Cases:
    for case in file["valid"]:
        yield case, lambda: check_valid_frames(case)
    together = b"".join(hexed(case) for case in file["valid"])
    messages = [message for case in file["valid"] for message in case["messages"]]
    yield {"name": "all together"}, lambda: check_messages(
        FrameReader(welcomed=True).feed(together), messages
    )
    for case in file["invalid"]:
        yield case, lambda: check_invalid_frames(case)


def pieces(case: Case) -> list[list[bytes]]:
    data = hexed(case)
    return [[data]] + ([[bytes([byte]) for byte in data]] if len(data) < SHORT else [])


def check_valid_frames(case: Case) -> None:
    for cut in pieces(case):
        reader = FrameReader(welcomed=True)
        got = [message for part in cut for message in reader.feed(part)]
        expect(reader.failure, None, "error")
        check_messages(got, case["messages"])
    if (
        case.get("writer") == "reference"
        and len(got) == 1
        and got[0][0] not in ("Batch", "Feed", "Tally", "Unknown")
    ):
        if not hexed(case)[1] & 2:
            expect(payload_of(*got[0]), hexed(case)[16:], "written again")


def check_messages(got: list[tuple[str, Case]], wanted: list[Case]) -> None:
    expect(len(got), len(wanted), "number of messages")
    for (name, message), case in zip(got, wanted):
        case = dict(case)
        kind = case.pop("type")
        if case.pop("unknown", False):
            expect((name, message), ("Unknown", {"number": kind}), "type")
            continue
        expect(name, kind, "type")
        fields = MESSAGES[name][1].tell(message)
        if "rows" in case:
            rows = told.versions_of(case.pop("rows"))
            if name == "Batch":
                for place, version in enumerate(rows):
                    version.dot = versions.Dot(message["origin"], message["first"] + place)
            expect(fields.pop("rows"), rows, "rows")
        expect(fields, case, name)


def check_invalid_frames(case: Case) -> None:
    for cut in pieces(case):
        early = bool(case.get("beforeWelcome"))
        reader = FrameReader(welcomed=not early, at_hub=early)
        messages: list = []

        def read() -> None:
            for part in [*cut, b""]:
                messages.extend(reader.feed(part))

        expect_code(case["code"], read)
        expect(len(messages), case["messagesBefore"], "messages before")


def whole_rows(data: bytes) -> list[versions.Version]:
    reader = Reader(data)
    rows = read_rows(reader)
    reader.end()
    return rows


def check_rows(file: Case) -> Cases:
    for case in file["valid"]:
        yield case, lambda: check_valid_rows(case)
    for case in file["invalid"]:
        yield case, lambda: expect_code(case["code"], lambda: whole_rows(hexed(case)))


def check_valid_rows(case: Case) -> None:
    rows = whole_rows(hexed(case))
    expect(rows, told.versions_of(case["rows"]), "rows")
    out = Writer()
    write_rows(out, rows)
    expect(whole_rows(bytes(out)), rows, "written and read again")


def check_journals(file: Case) -> Cases:
    keys = keys_of(file)
    journals = {case["name"]: case for case in file["journals"]}
    for case in file["journals"]:
        yield case, lambda: check_journal(case, keys)
    for case in file["batches"]:
        yield case, lambda: check_answer(case, journals[case["journal"]], keys)


def salts_of(case: Case) -> journal.Salts:
    return {(salt["day"], salt["class"]): bytes.fromhex(salt["salt"]) for salt in case["salts"]}


def check_journal(case: Case, keys: dict) -> None:
    public = public_bytes(keys[case["key"]])
    head = journal.derivation(public, case["lane"], hexed(case, "nonce"))
    expect(
        (head.hex(), f"{journal.origin_of(head):016x}"), (case["derivation"], case["origin"]), "derivation"
    )
    heads = {}
    for one in case["versions"]:
        version = told.version_of(one["version"])
        classes = [hashed.hex() for _, hashed in journal.hashed_classes(version, salts_of(case))]
        canonical = journal.canonical_bytes(version, salts_of(case))
        head = digest(head, digest(canonical))
        expect(
            (classes, canonical.hex(), digest(canonical).hex(), head.hex()),
            (one["classes"], one["canonical"], one["digest"], one["head"]),
            f"version {version.dot.sequence}",
        )
        heads[version.dot.sequence] = head
    for seal in case["seals"]:
        sequence = int(seal["sequence"])
        statement = journal.seal_statement(int(case["origin"], 16), sequence, heads[sequence])
        expect(statement.hex(), seal["statement"], "statement of a seal")
        expect(signed_by(public, statement, hexed(seal, "signature")), True, "seal")
        expect(signed_by(public, statement, sign(keys[case["key"]], statement)), True, "own seal")


def check_answer(case: Case, of: Case, keys: dict) -> None:
    held = int(case["held"])
    head = hexed(of, "derivation") if held == 0 else hexed(of["versions"][held - 1], "head")
    hub = journal.HeldJournal(
        public_bytes(keys[of["key"]]), int(of["origin"], 16), head, held, salts_of(of) if held else {}
    )
    [(_, batch)] = FrameReader(welcomed=True).feed(hexed(case))
    if "code" in case["answer"]:
        expect_code(case["answer"]["code"], lambda: hub.take(batch))
        expect(hub.sequence, held, "held after an error")
        return
    wanted: Case
    match hub.take(batch):
        case "taken", sealed:
            wanted = {"taken": True, "sealed": str(sealed) if sealed else None}
        case "held", _:
            wanted = {"held": True}
        case "gap", sequence:
            wanted = {"gap": str(sequence)}
        case _:
            wanted = {"fork": {"sequence": str(hub.sequence), "head": hub.head.hex()}}
    expect(wanted, case["answer"], "answer")


def check_receipts(file: Case) -> Cases:
    keys = keys_of(file)
    hub = digest(public_bytes(keys["hub"]))

    def statement_of(case: Case) -> bytes:
        receipt = {
            "origin": int(case["origin"], 16),
            "sequence": int(case["sequence"]),
            "head": hexed(case, "head"),
            "time": case["time"],
        }
        return journal.receipt_statement(hub, hexed(case, "epoch"), receipt)

    def holds(case: Case) -> bool:
        return signed_by(public_bytes(keys[case["key"]]), statement_of(case), hexed(case, "signature"))

    for case in file["valid"]:
        yield case, lambda: expect(
            (statement_of(case).hex(), holds(case)), (case["statement"], True), "receipt"
        )
    for case in file["invalid"]:
        yield case, lambda: expect(holds(case), False, "receipt")
    before = journal.NO_HASH
    for case in file["arrivalLog"]:
        before = journal.arrival_hash(
            before,
            int(case["position"]),
            int(case["origin"], 16),
            int(case["first"]),
            int(case["last"]),
            hexed(case, "head"),
        )
        yield case | {"name": "arrival log"}, lambda: expect(before.hex(), case["hash"], "hash")
    for case in file["marks"]:
        dots = list(map(told.dot_of, case["dots"]))
        yield case, lambda: expect(
            (str(len(dots)), f"{journal.mark_sum(dots):016x}"), (case["count"], case["sum"]), "sum"
        )


def check_certificates(file: Case) -> Cases:
    keys = keys_of(file)
    for case in file["valid"] + file["invalid"]:
        yield case, lambda: check_certificate(case, public_bytes(keys["hub"]))


def check_certificate(case: Case, hub: bytes) -> None:
    certificate = case["certificate"]
    keys = hub_keys.read_hub_keys(bytes.fromhex(certificate["hub"]))
    expect(keys.called_by, digest(hub), "hub")
    statement = journal.certificate_statement(certificate, keys.called_by)
    expect(statement.hex(), case["statement"], "statement")
    defects = journal.certificate_defects(certificate, keys.called_by, keys.own)
    expect(sorted(set(defects)), sorted(case.get("defects", [])), "defects")


def check_vectors(file: Case) -> Cases:
    def vector(entries: list) -> versions.Vector:
        return versions.vector_of((int(origin, 16), int(count)) for origin, count in entries)

    for case in file["pairs"]:
        left, right = vector(case["left"]), vector(case["right"])
        yield case, lambda: expect(
            (versions.relation(left, right), versions.merged_vectors(left, right)),
            (case["relation"], vector(case["merged"])),
            "vectors",
        )
    for case in file["lists"]:
        yield case, lambda: expect(
            told.tell_context(versions.Context(vector(case["entries"])))["vector"], case["vector"], "vector"
        )
    for case in file["contexts"]:
        merged = told.context_of(case["left"]).merged(told.context_of(case["right"]))
        yield case, lambda: expect(told.tell_context(merged), case["merged"], "merged")
    for case in file["coverage"]:
        context = told.context_of(case["context"])
        covered = [context.covers(told.dot_of(one["dot"])) for one in case["dots"]]
        yield case, lambda: expect(covered, [one["covered"] for one in case["dots"]], "covered")


def check_merges(file: Case) -> Cases:
    for case in file["valid"]:
        yield case, lambda: check_merge(case)


def check_merge(case: Case) -> None:
    forms = {
        form["revision"]: merging.Form(
            {int(number): policy for number, policy in form["policies"].items()}, form.get("groups", [])
        )
        for form in case["form"]
    }
    all_of_it = list(map(told.version_of, case["versions"]))
    for order in (all_of_it, all_of_it[::-1], all_of_it + all_of_it):
        expect(tell_record(merging.merge(order, forms)), case["record"], "record")


def tell_record(record: merging.Record) -> Case:
    fields = []
    for number, field in record.fields.items():
        candidates = [
            {"dot": told.tell_dot(one.version.dot), "value": told.tell_value(one.assigned[number])}
            for one in field.candidates
        ]
        fields.append(
            {
                "field": number,
                "value": told.tell_value(field.value),
                "setter": told.tell_dot(field.setter),
                "conflict": field.conflict,
                "candidates": candidates,
            }
        )
    return {
        "exists": record.exists,
        "deleteConflict": record.delete_conflict,
        "firstCreated": record.first_created,
        "revision": record.revision,
        "fields": fields,
        "siblings": [told.tell_dot(one.version.dot) for one, _ in record.held],
        "seen": told.tell_context(record.seen),
    }


def check_prints(file: Case) -> Cases:
    for case in file["valid"]:
        all_of_it = list(map(told.version_of, case["versions"]))
        prints = merging.record_prints(merging.merge(all_of_it, {}), all_of_it[0])
        yield case, lambda: expect(
            [f"{one:016x}" for one in prints], [case["record"], case["print"]], "prints"
        )


def check_join_codes(file: Case) -> Cases:
    for case in file["valid"]:
        yield case, lambda: check_join_code(case)
    for case in file["invalid"]:
        yield case, lambda: expect_code(None, lambda: join_code.read_join_code(case["text"]))


def check_join_code(case: Case) -> None:
    code = join_code.read_join_code(case["text"])
    expect(vars(code) | {"secret": code.secret.hex(), "hub": code.hub.hex()}, case["meaning"], "meaning")
    if case["writer"] == "reference":
        expect(join_code.write_join_code(code), case["text"], "written again")


def check_spoken(file: Case) -> Cases:
    keys = keys_of(file)
    device, hub = keys["agent"], keys["hub"]
    for case in file["valid"]:
        yield case, lambda: check_said(case, device, hub)
    for case in file["invalidLines"]:
        yield case, lambda: expect_code(None, lambda: spoken.read_line(case["line"]))
    for case in file["invalidBytes"]:
        yield case, lambda: expect_code(None, lambda: spoken.opened(hexed(case), hub, public_bytes(device)))
    for case in file["invalidBodies"]:
        yield case, lambda: expect_code(None, lambda: spoken.read_body(hexed(case, "body")))


def check_said(case: Case, device: Any, hub: Any) -> None:
    closed = spoken.close(hexed(case, "body"), device, public_bytes(hub))
    expect((closed.hex(), spoken.lines_of(closed)), (case["bytes"], case["lines"]), "closed")
    heard = b"".join(part for _, part in sorted(map(spoken.read_line, case["lines"])))
    body, answer = spoken.opened(heard, hub, public_bytes(device))
    expect(answer, case["answer"], "answer")
    expect(spoken.read_body(body), told.version_of(case["version"]), "version")


def check_hub_keys(file: Case) -> Cases:
    keys_of(file)
    for case in file["valid"]:
        yield case, lambda: check_keys(case)
    for case in file["invalid"]:
        yield case, lambda: expect_code(None, lambda: hub_keys.read_hub_keys(hexed(case)))
    for case in file["agents"]:
        kept, shown = hub_keys.read_hub_keys(hexed(case, "kept")), hub_keys.read_hub_keys(
            hexed(case, "shown")
        )
        yield case, lambda: expect(shown.replace(kept), case["believed"], "believed")


def check_keys(case: Case) -> None:
    keys = hub_keys.read_hub_keys(hexed(case))
    entries = [
        {
            "kind": hub_keys.KINDS[entry.kind],
            "by": "recovery" if entry.by else "hub",
            "time": entry.time,
            "key": entry.key.hex(),
            "statement": entry.statement.hex(),
            "signature": entry.signature.hex(),
        }
        for entry in keys.entries
    ]
    recovery = keys.recovery.hex() if keys.recovery else None
    expect(
        {
            "first": keys.first.hex(),
            "entries": entries,
            "current": keys.current.hex(),
            "recovery": recovery,
            "calledBy": keys.called_by.hex(),
        },
        {name: case[name] for name in ("first", "entries", "current", "recovery", "calledBy")},
        "keys",
    )


FILES: dict[str, Callable[[Case], Cases]] = {
    "preambles": check_preambles,
    "frames": check_frames,
    "messages": check_frames,
    "rows": check_rows,
    "batches": check_frames,
    "journals": check_journals,
    "receipts": check_receipts,
    "certificates": check_certificates,
    "version-vectors": check_vectors,
    "merges": check_merges,
    "prints": check_prints,
    "join-codes": check_join_codes,
    "spoken": check_spoken,
    "hub-keys": check_hub_keys,
}


def main(folder: Path) -> int:
    failed = 0
    for name in sorted({path.stem for path in folder.glob("*.json")} | set(FILES)):
        if name not in FILES:
            print(f"{name}: nothing here checks this file")
            failed += 1
            continue
        count = bad = 0
        for case, work in FILES[name](json.loads((folder / f"{name}.json").read_text())):
            count += 1
            try:
                work()
            except (Failure, ProtocolError) as error:
                bad += 1
                print(f"{name}: {case['name']}: {error}")
        print(f"{name}: {count} cases, {bad} failed")
        failed += bad
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

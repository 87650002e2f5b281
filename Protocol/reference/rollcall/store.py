"""What a branch keeps, in one JSON file that is replaced as a whole: keys, journals, what came down."""

import json
import os
import secrets
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from .forms import FORMS, facts_of, subject_of, key_day
from .hub_keys import HubKeys, read_hub_keys
from .journal import DAY, Salts, derivation, next_head, origin_of, seal_statement
from .keys import CURVE, PrivateKey, number_of, private_key, public_bytes, sign
from .merging import Form, Record, merge
from .told import tell_version, version_of
from .versions import BLANK, LIST, TEXT, Context, Dot, Value, Version

ZERO_TOKEN = {"epoch": bytes(16).hex(), "position": 0, "step": 0, "hash": bytes(8).hex()}


class Journal:
    """One own origin: its versions, their heads, salts, and the last receipt believed."""

    def __init__(self, public: bytes, lane: str, kept: dict[str, Any]) -> None:
        self.lane = lane
        self.kept = kept
        self.nonce = bytes.fromhex(kept["nonce"])
        self.start = derivation(public, lane, self.nonce)
        self.origin = origin_of(self.start)
        self.versions = [version_of(told) for told in kept["versions"]]
        self.heads = [bytes.fromhex(head) for head in kept["heads"]]
        self.salts: Salts = {(day, number): bytes.fromhex(salt) for day, number, salt in kept["salts"]}

    @property
    def last(self) -> int:
        return len(self.versions)

    @property
    def receipted(self) -> int:
        return self.kept["receipt"]["sequence"] if self.kept["receipt"] else 0

    def head(self, sequence: int) -> bytes:
        return self.heads[sequence - 1] if sequence else self.start

    def append(self, version: Version) -> None:
        version.dot = Dot(self.origin, self.last + 1)
        for retention in version.by_class():
            place = (version.authored // DAY, retention)
            if place not in self.salts:
                self.salts[place] = secrets.token_bytes(16)
                self.kept["salts"].append([*place, self.salts[place].hex()])
        self.heads.append(next_head(self.head(self.last), version, self.salts))
        self.versions.append(version)
        self.kept["heads"].append(self.heads[-1].hex())
        self.kept["versions"].append(tell_version(version))

    def batch(self, first: int, last: int, key: PrivateKey) -> dict[str, Any]:
        """The versions from first to last, sealed at the last, with all salts that they need."""
        rows = self.versions[first - 1 : last]
        needed = {(row.authored // DAY, retention) for row in rows for retention in row.by_class()}
        seal = sign(key, seal_statement(self.origin, last, self.head(last)))
        return {
            "origin": self.origin,
            "first": first,
            "before": self.head(first - 1)[:8],
            "after": self.head(last)[:8],
            "salts": [
                {"day": day, "class": retention, "salt": self.salts[day, retention]}
                for day, retention in sorted(needed)
            ],
            "seals": [{"sequence": last, "signature": seal}],
            "rows": rows,
        }


@dataclass
class Store:
    folder: Path
    state: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path) -> "Store":
        return cls(folder, json.loads((folder / "branch.json").read_text()))

    @classmethod
    def create(cls, folder: Path) -> "Store":
        """A new replica: its key, and a journal for each lane."""
        folder.mkdir(parents=True, exist_ok=True)
        journals = {
            lane: {"nonce": secrets.token_hex(16), "versions": [], "heads": [], "salts": [], "receipt": None}
            for lane in ("urgent", "routine")
        }
        return cls(
            folder,
            {
                "key": number_of(ec.generate_private_key(CURVE)).hex(),
                "replica": secrets.token_hex(16),
                "journals": journals,
                "sessionToken": bytes(16).hex(),
                "epoch": bytes(16).hex(),
                "feed": dict(ZERO_TOKEN),
                "received": {},
                "verdicts": [],
                "settings": {},
            },
        )

    def save(self) -> None:
        """Durable when it returns: nothing is confirmed or called receipted before."""
        new = self.folder / "branch.json.new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.state, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.folder / "branch.json")

    @cached_property
    def key(self) -> PrivateKey:
        return private_key(bytes.fromhex(self.state["key"]))

    @property
    def hub_keys(self) -> HubKeys:
        return read_hub_keys(bytes.fromhex(self.state["hubKeys"]))

    @cached_property
    def journals(self) -> dict[str, Journal]:
        public = public_bytes(self.key)
        return {lane: Journal(public, lane, kept) for lane, kept in self.state["journals"].items()}

    def journal_of(self, origin: int) -> Journal | None:
        return next((journal for journal in self.journals.values() if journal.origin == origin), None)

    def received(self) -> list[Version]:
        """Versions of others."""
        return [version_of(entry["version"]) for entry in self.state["received"].values()]

    def receive(self, version: Version, epoch: str) -> None:
        dot = f"{version.dot.origin:016x}/{version.dot.sequence}"
        self.state["received"][dot] = {"epoch": epoch, "version": tell_version(version)}

    def leave(self, subject: str, name: str, kept: list[list[int]]) -> None:
        """Removes the versions of others of records about somebody who left the scope."""

        def stays(version: Version) -> bool:
            if version.form not in FORMS or subject_of(version) != (subject, name):
                return True
            day = key_day(version)
            # A membership also says how the stay ended that reached to the day before.
            days = [] if day is None else [day, day - 1] if version.form == "membership" else [day]
            return any(first <= one <= last for one in days for first, last in kept)

        self.state["received"] = {
            dot: entry for dot, entry in self.state["received"].items() if stays(version_of(entry["version"]))
        }

    def record(self, form: str, key: tuple[Value, ...]) -> Record | None:
        own = [version for journal in self.journals.values() for version in journal.versions]
        versions = [
            version for version in own + self.received() if (version.form, version.key) == (form, key)
        ]
        definition = FORMS[form]
        policies = {one["id"]: one["policy"] for one in definition["fields"]}
        return merge(versions, {definition["revision"]: Form(policies)}) if versions else None

    def write(
        self, form: str, key: tuple[Value, ...], given: dict[int, Value], author: str = ""
    ) -> list[Version]:
        """Writes a record, or corrects it, and the alerts that its form's rules raise. Says what it wrote."""
        written = []
        version = self.version(form, key, given, author)
        definition = FORMS[form]
        record = self.record(form, key)
        values = {number: field.value for number, field in record.fields.items()} if record else {}
        values |= given
        alerts = []
        lane = "routine"
        for rule in definition.get("rules", []):
            if facts := facts_of(definition, rule, values, self.state["settings"]):
                lane = "urgent"
                alert_key = (key[0], Value(TEXT, rule["id"]), key[1])
                if self.record(rule["raise"], alert_key) is None:
                    stated = {1: Value(LIST, tuple(facts)), 2: Value(TEXT, "open")}
                    alerts.append(self.version(rule["raise"], alert_key, stated, author, raised=True))
        for one in [version, *alerts]:
            self.journals[lane].append(one)
            written.append(one)
        return written

    def held_back(self) -> dict[Dot, set[int]]:
        """Own versions that the hub holds back, each with the fields that its verdicts name (section 6)."""
        held: dict[Dot, set[int]] = {}
        for verdict in self.state["verdicts"]:
            origin, _, sequence = verdict["dot"].partition("/")
            dot = Dot(int(origin, 16), int(sequence))
            if verdict["kind"] == 1:
                held.setdefault(dot, set()).add(verdict["field"])
            elif verdict["kind"] == 3:
                held.pop(dot, None)
        return held

    def version(
        self, form: str, key: tuple[Value, ...], given: dict[int, Value], author: str, raised: bool = False
    ) -> Version:
        """A new record assigns all fields; a correction those given, and the rest of their merge groups."""
        definition = FORMS[form]
        # What later revisions of an alert brought is for those who answer.
        known = [one for one in definition["fields"] if not raised or one.get("since", 1) == 1]
        names = {one["name"]: one["id"] for one in known}
        record = self.record(form, key)
        now = time.time_ns() // 1_000_000
        if record is None:
            values = {number: BLANK for number in names.values()} | given
        else:
            values = dict(given)
            groups = [[names[name] for name in group] for group in definition.get("groups", [])]
            held = self.held_back()
            for number, field in record.fields.items():
                faults = held.get(field.setter, {number})
                moving = next((group for group in groups if number in group), [number])
                if number not in given and not field.conflict and faults.isdisjoint(moving):
                    values[number] = field.value
            for numbers in groups:
                if any(number in given for number in numbers):
                    stands = {
                        number: record.fields[number].value for number in numbers if number in record.fields
                    }
                    values = {number: BLANK for number in numbers} | stands | values
        classes = {field["id"]: field["retentionClass"] for field in definition["fields"]}
        return Version(
            form,
            definition["revision"],
            key,
            now,
            now,
            record.first_created if record else now,
            {number: (classes[number], value) for number, value in values.items()},
            author,
            context=record.seen if record else Context(),
        )

"""The branch's side of a session (sections 9 and 14): joins, sends, believes receipts, follows the feed."""

import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .frames import DICTIONARY
from .hub_keys import HubKeys, read_hub_keys
from .join_code import read_join_code
from .journal import mark_sum, receipt_statement
from .keys import digest, signed_by
from .link import Link, shown_keys
from .messages import payload_of, settings_print
from .store import ZERO_TOKEN, Journal, Store
from .told import dot_of
from .wire import LIMITS, ProtocolError, malformed

PROGRAM = "rollcall reference"
LANES = ("urgent", "routine")
# Small batches keep the way clear for urgent ones.
BATCH_VERSIONS = 200


def now() -> int:
    return time.time_ns() // 1_000_000


def address_of(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def join(store: Store, text: str, label: str = "reference") -> dict[str, Any]:
    """Joins the hub that the code names, and no other."""
    code = read_join_code(text)
    link = Link.to(address_of(code.address), store.key)
    public, shown = shown_keys(link.connection.getpeercert(binary_form=True))
    if digest(public) != code.hub:
        link.connection.close()
        raise ProtocolError(215, "another hub than the code names answers at this address")
    link.greet()
    replica = bytes.fromhex(store.state["replica"])
    link.send("Join", {"secret": code.secret, "replica": replica, "label": label, "clock": now()})
    name, message = link.receive()
    if name == "Refuse":
        raise ProtocolError(message["code"], message["words"])
    if name != "Joined":
        raise ProtocolError(106, f"{name} where Joined was awaited")
    store.state |= {
        "address": code.address,
        "hubKeys": (believable(shown, public) or public).hex(),
        "unit": message["unit"],
        "settings": json.loads(message["settings"] or b"{}"),
        "settingsPrint": settings_print(message["settings"]),
    }
    store.save()
    link.close()
    return message


def believable(shown: bytes | None, public: bytes) -> bytes | None:
    """The keys that a hub shows, where they hold and the last one is that of its certificate."""
    try:
        keys = read_hub_keys(shown) if shown else None
    except ProtocolError:
        return None
    return shown if keys and keys.current == public else None


def check_hub(store: Store, certificate: bytes) -> None:
    """Talks to who has the key that is kept, or keys that replace those (section 21)."""
    kept = store.hub_keys
    public, shown = shown_keys(certificate)
    if public == kept.current:
        if (longer := believable(shown, public)) and read_hub_keys(longer).replace(kept):
            store.state["hubKeys"] = longer.hex()
            store.save()
        return
    keys: HubKeys | None = read_hub_keys(shown) if believable(shown, public) else None
    if keys and keys.replace(kept):
        store.state["hubKeys"] = shown.hex()
        store.save()
        return
    forged = shown is not None and shown[:65] == kept.first
    raise ProtocolError(212 if forged else 215, "not the hub that was joined")


@dataclass
class Session:
    """One connection, from Hello until nothing is left on either side."""

    store: Store
    link: Link
    epoch: bytes = b""
    windows: dict[str, int] = field(default_factory=dict)
    largest_batch: int = 0
    sent: dict[str, int] = field(default_factory=dict)
    # Batches under way, in the order in which they will be answered.
    under_way: deque[tuple[Journal, int, int, int]] = field(default_factory=deque)
    # For each origin, how many Gaps are answers to batches from before the last restart.
    outdated: dict[int, int] = field(default_factory=dict)
    reached: tuple[int, int] = (-1, 0)
    receipt_position: int = 0
    mark: int = -1
    receipted: int = 0

    def hello(self) -> None:
        state = self.store.state
        origins = []
        backlog = {}
        for lane in LANES:
            journal = self.store.journals[lane]
            origins.append(
                {
                    "lane": lane,
                    "closed": False,
                    "nonce": journal.nonce,
                    "last": journal.last,
                    "head": journal.head(journal.last)[:8],
                    "receipted": journal.receipted,
                }
            )
            waiting = journal.versions[journal.receipted :]
            backlog[lane] = {
                "count": len(waiting),
                "oldestAge": max(0, now() - waiting[0].authored) if waiting else 0,
            }
        feed = state["feed"]
        self.link.send(
            "Hello",
            backlog
            | {
                "replica": bytes.fromhex(state["replica"]),
                "origins": origins,
                "capabilities": [],
                "dictionaries": [DICTIONARY],
                "clock": now(),
                "sessionToken": bytes.fromhex(state["sessionToken"]),
                "epoch": bytes.fromhex(state["epoch"]),
                "feed": feed | {"epoch": bytes.fromhex(feed["epoch"]), "hash": bytes.fromhex(feed["hash"])},
                "program": PROGRAM,
                "settings": state.get("settingsPrint", 0),
            },
        )

    def welcome(self) -> None:
        """Compares what the hub holds, and goes on behind it."""
        name, message = self.link.receive()
        while name == "Ping":
            self.answer_ping(message)
            name, message = self.link.receive()
        if name == "Refuse":
            raise ProtocolError(message["code"], message["words"])
        if name != "Welcome":
            raise ProtocolError(106, f"{name} where Welcome was awaited")
        if message["tokenUnknown"]:
            raise ProtocolError(
                210, "this store was restored or copied, which this implementation cannot mend"
            )
        self.epoch = message["epoch"]
        held = {entry["origin"]: entry for entry in message["held"]}
        state = self.store.state
        for journal in self.store.journals.values():
            entry = held.get(journal.origin, {"sequence": 0, "head": journal.start, "receipt": None})
            if entry["sequence"] > journal.last or journal.head(entry["sequence"]) != entry["head"]:
                raise ProtocolError(
                    210, "the hub holds another journal, which this implementation cannot mend"
                )
            if self.epoch.hex() != state["epoch"]:
                # Receipts of another epoch mean nothing where the hub holds less.
                journal.kept["receipt"] = (
                    journal.kept["receipt"] if entry["sequence"] >= journal.receipted else None
                )
            if entry["receipt"] is not None:
                self.believe(entry["receipt"])
            self.sent[journal.lane] = entry["sequence"]
        self.windows = {lane: message[f"{lane}Window"] for lane in LANES}
        self.largest_batch = message["largestBatch"]
        if state["feed"]["epoch"] != self.epoch.hex():
            state["feed"] = dict(ZERO_TOKEN)
        state["sessionToken"], state["epoch"] = message["sessionToken"].hex(), self.epoch.hex()
        if message["settings"]:
            state["settings"] = json.loads(message["settings"])
            state["settingsPrint"] = settings_print(message["settings"])
        self.store.save()

    def send_batches(self) -> None:
        """Urgent before routine; each lane as far as its window goes."""
        for lane in LANES:
            journal = self.store.journals[lane]
            while self.sent[lane] < journal.last:
                first = self.sent[lane] + 1
                last, batch = self.next_batch(journal, first)
                size = len(payload_of("Batch", batch))
                in_flight = sum(entry[3] for entry in self.under_way if entry[0] is journal)
                if in_flight and in_flight + size > self.windows[lane]:
                    break
                self.link.send("Batch", batch, in_stream=True)
                self.under_way.append((journal, first, last, size))
                self.sent[lane] = last

    def next_batch(self, journal: Journal, first: int) -> tuple[int, dict[str, Any]]:
        """The longest batch that keeps within the hub's largest and the limits of a frame and of salts."""
        count = max(1, min(BATCH_VERSIONS, self.largest_batch, journal.last - first + 1))
        while True:
            batch = journal.batch(first, first + count - 1, self.store.key)
            fits = len(batch["salts"]) <= LIMITS["batchSalts"]
            if count == 1 or fits and len(payload_of("Batch", batch)) <= LIMITS["framePayload"]:
                return first + count - 1, batch
            count //= 2

    def believe(self, receipt: dict[str, Any]) -> None:
        """Keeps a receipt that is the hub's and names this journal's own head."""
        journal = self.store.journal_of(receipt["origin"])
        if journal is None:
            raise malformed("a receipt for somebody else's origin")
        if receipt["sequence"] > journal.last or journal.head(receipt["sequence"]) != receipt["head"]:
            raise ProtocolError(210, "a receipt with another head")
        hub = self.store.hub_keys
        statement = receipt_statement(hub.called_by, self.epoch, receipt)
        if not any(signed_by(key, statement, receipt["signature"]) for key in hub.own):
            raise ProtocolError(213, "a receipt that the hub has not signed")
        if receipt["sequence"] > journal.receipted:
            self.receipted += receipt["sequence"] - journal.receipted
            journal.kept["receipt"] = receipt | {
                "origin": f"{receipt['origin']:016x}",
                "head": receipt["head"].hex(),
                "signature": receipt["signature"].hex(),
                "epoch": self.epoch.hex(),
            }

    def on_receipt(self, message: dict[str, Any]) -> None:
        for receipt in message["receipts"]:
            self.believe(receipt)
        if not self.under_way:
            raise ProtocolError(106, "an answer to no batch")
        self.under_way.popleft()
        self.receipt_position = max(self.receipt_position, message["position"])
        self.store.save()

    def on_gap(self, message: dict[str, Any]) -> None:
        if not self.under_way or self.under_way[0][0].origin != message["origin"]:
            raise ProtocolError(106, "an answer to no batch")
        journal = self.under_way.popleft()[0]
        if self.outdated.get(journal.origin, 0):
            self.outdated[journal.origin] -= 1
            return
        if not journal.receipted < message["wanted"] <= journal.last:
            raise ProtocolError(210, "the hub lacks what it has receipted")
        self.outdated[journal.origin] = sum(entry[0] is journal for entry in self.under_way)
        self.sent[journal.lane] = message["wanted"] - 1

    def on_feed(self, page: dict[str, Any]) -> None:
        token = page["token"]
        if token["epoch"] != self.epoch or (token["position"], token["step"]) <= self.reached:
            raise malformed("a feed page of another epoch, or one that goes back")
        self.reached = (token["position"], token["step"])
        if page["settings"]:
            self.store.state["settings"] = json.loads(page["settings"])
            self.store.state["settingsPrint"] = settings_print(page["settings"])
        for change in page["scope"]:
            if change["kind"] == "leave":
                self.store.leave(change["subject"], change["id"], change["kept"])
        for version in page["rows"]:
            if self.store.journal_of(version.dot.origin):
                raise malformed("the feed brings what this replica wrote")
            self.store.receive(version, self.epoch.hex())
        for verdict in page["verdicts"]:
            dot = f"{verdict['dot'][0]:016x}/{verdict['dot'][1]}"
            self.store.state["verdicts"].append({**verdict, "dot": dot})
        self.store.state["feed"] = token | {"epoch": token["epoch"].hex(), "hash": token["hash"].hex()}
        self.store.save()
        self.link.send("FeedAck", {"token": token})

    def on_mark(self, mark: dict[str, Any]) -> None:
        """Everything in scope is here now. What another epoch brought and this one did not is dropped."""
        state = self.store.state
        state["received"] = {
            dot: entry for dot, entry in state["received"].items() if entry["epoch"] == self.epoch.hex()
        }
        self.mark = mark["position"]
        dots = [dot_of(entry["version"]["dot"]) for entry in state["received"].values()]
        state["mark"] = {
            "position": mark["position"],
            "agrees": (len(dots), mark_sum(dots)) == (mark["count"], mark["sum"]),
        }
        self.store.save()

    def answer_ping(self, ping: dict[str, Any]) -> None:
        if not ping["answer"]:
            self.link.send("Ping", {"answer": True, "token": ping["token"]})

    def run(self) -> None:
        self.hello()
        self.welcome()
        handlers = {
            "Receipt": self.on_receipt,
            "Gap": self.on_gap,
            "Feed": self.on_feed,
            "Mark": self.on_mark,
            "Ping": self.answer_ping,
        }
        while True:
            self.send_batches()
            waiting = any(journal.receipted < journal.last for journal in self.store.journals.values())
            if not waiting and not self.under_way and self.mark >= self.receipt_position:
                return
            name, message = self.link.receive()
            if name == "Close":
                raise ProtocolError(message["code"], message["words"])
            if name == "Fork":
                raise ProtocolError(210, "the hub holds another journal")
            if name == "Unknown" or name == "Heads":
                continue
            if name not in handlers:
                raise ProtocolError(106, f"{name} now")
            handlers[name](message)


def sync(store: Store) -> Session:
    """Sends what is queued and reads the feed to its Mark."""
    link = Link.to(address_of(store.state["address"]), store.key)
    try:
        check_hub(store, link.connection.getpeercert(binary_form=True))
        link.greet()
        session = Session(store, link)
        session.run()
    except ProtocolError as error:
        link.close(error.code, error.words)
        raise
    except TimeoutError:
        link.close(108, "silence")
        raise
    link.close()
    return session

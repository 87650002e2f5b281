"""A hub that keeps nothing but memory: takes any device that shows its code, and receipts what is sealed.

It has no register and no feed, and judges no content: it is there to see how an agent speaks.
"""

import ctypes
import json
import secrets
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import _ssl
from cryptography.hazmat.primitives.asymmetric import ec

from .frames import agreed_dictionary
from .join_code import JoinCode, write_join_code
from .journal import HeldJournal, derivation, origin_of, receipt_statement
from .keys import CURVE, PrivateKey, digest, public_bytes, sign
from .link import Link, shown_keys, tls_context
from .messages import settings_print
from .wire import LIMITS, ProtocolError, malformed

SETTINGS = {
    "checkInCutoff": "16:00",
    "entryWindowDays": 60,
    "reportCutoff": "18:00",
    "temperatureAlert": "37.3",
    "temperatureMaximum": "43.0",
    "temperatureMinimum": "34.0",
    "timeZone": "UTC",
}

ANY_CERTIFICATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda store, argument: 1)


def asking_context(key: PrivateKey) -> ssl.SSLContext:
    """A context of a server that asks for a certificate and takes any, as section 2 says.

    The module ssl can only ask for certificates that somebody has signed whom it knows, so that OpenSSL is
    told directly; the context's pointer lies behind the head that every object has.
    """
    context = tls_context(ssl.PROTOCOL_TLS_SERVER, key)
    context.verify_mode = ssl.CERT_REQUIRED
    pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
    ctypes.CDLL(_ssl.__file__).SSL_CTX_set_cert_verify_callback(pointer, ANY_CERTIFICATE, None)
    return context


def now() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class HubStub:
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    epoch: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    journals: dict[int, HeldJournal] = field(default_factory=dict)
    receipts: dict[int, dict[str, Any]] = field(default_factory=dict)
    versions: list = field(default_factory=list)
    position: int = 0
    windows: tuple[int, int] = (65536, 1 << 20)

    def __post_init__(self) -> None:
        self.context = asking_context(self.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def called_by(self) -> bytes:
        return digest(public_bytes(self.key))

    def code(self, unit: str) -> str:
        return write_join_code(JoinCode(now() + 3_600_000, self.secret, self.called_by, unit, self.address))

    def accept(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        try:
            link = Link(self.context.wrap_socket(connection, server_side=True))
        except (OSError, ProtocolError):
            connection.close()
            return
        device = shown_keys(link.connection.getpeercert(binary_form=True))[0]
        try:
            link.greet()
            name, message = link.receive()
            if name == "Join":
                self.answer_join(link, message)
            elif name == "Hello":
                self.session(link, device, message)
            else:
                raise ProtocolError(106, f"{name} first")
        except ProtocolError as error:
            link.close(error.code, error.words)
        except OSError:
            link.connection.close()

    def answer_join(self, link: Link, message: dict[str, Any]) -> None:
        if message["secret"] != self.secret:
            link.send("Refuse", {"code": 203, "retryAfter": 0, "words": "a code that this hub has not made"})
        else:
            link.send(
                "Joined",
                {
                    "state": "active",
                    "confirmation": 0,
                    "unit": "B01",
                    "unitName": "First branch",
                    "hubName": "Stub",
                    "clock": now(),
                    "settings": json.dumps(SETTINGS).encode(),
                },
            )
        link.receive()

    def session(self, link: Link, device: bytes, hello: dict[str, Any]) -> None:
        held = []
        settings = json.dumps(SETTINGS).encode()
        for own in hello["origins"]:
            start = derivation(device, own["lane"], own["nonce"])
            journal = self.journals.setdefault(origin_of(start), HeldJournal(device, origin_of(start), start))
            held.append(
                {
                    "origin": journal.origin,
                    "sequence": journal.sequence,
                    "head": journal.head,
                    "receipt": self.receipts.get(journal.origin),
                    "backedUp": 0,
                }
            )
        link.send(
            "Welcome",
            {
                "epoch": self.epoch,
                "sessionToken": secrets.token_bytes(16),
                "tokenUnknown": False,
                "held": held,
                "urgentWindow": self.windows[0],
                "routineWindow": self.windows[1],
                "largestBatch": LIMITS["batchVersions"],
                "clock": now(),
                "capabilities": [],
                "dictionary": agreed_dictionary(hello),
                "settings": b"" if hello["settings"] == settings_print(settings) else settings,
            },
        )
        link.reader.welcomed = True
        self.send_mark(link)
        while True:
            name, message = link.receive()
            match name:
                case "Batch":
                    self.answer_batch(link, message)
                case "Heads":
                    self.answer_heads(link, message)
                case "Ping" if not message["answer"]:
                    link.send("Ping", {"answer": True, "token": message["token"]})
                case "Close":
                    link.connection.close()
                    return
                case "Ping" | "FeedAck" | "Unknown":
                    pass
                case _:
                    raise ProtocolError(106, f"{name} now")

    def send_mark(self, link: Link) -> None:
        """Nothing is in anybody's scope here."""
        link.send("Mark", {"position": self.position, "count": 0, "sum": 0})

    def answer_batch(self, link: Link, batch: dict[str, Any]) -> None:
        journal = self.journals.get(batch["origin"])
        if journal is None:
            raise malformed("an origin that Hello has not named")
        answer, detail = journal.take(batch)
        match answer:
            case "gap":
                link.send("Gap", {"origin": journal.origin, "wanted": detail})
                return
            case "fork":
                link.send(
                    "Fork", {"origin": journal.origin, "sequence": journal.sequence, "head": journal.head}
                )
                return
            case "taken":
                self.versions += batch["rows"]
                self.position += 1
                if detail is not None:
                    self.sign_receipt(journal)
        receipts = [self.receipts[journal.origin]] if journal.origin in self.receipts else []
        link.send("Receipt", {"receipts": receipts, "position": self.position})
        self.send_mark(link)

    def sign_receipt(self, journal: HeldJournal) -> None:
        sequence, head = journal.sealed
        receipt = {"origin": journal.origin, "sequence": sequence, "head": head, "time": now()}
        signature = sign(self.key, receipt_statement(self.called_by, self.epoch, receipt))
        self.receipts[journal.origin] = receipt | {"signature": signature}

    def answer_heads(self, link: Link, message: dict[str, Any]) -> None:
        """It keeps one head of an origin, and the one before everything; others it leaves out."""
        journal = self.journals.get(message["origin"])
        known = {journal.sequence: journal.head} if journal else {}
        asked = (entry["sequence"] for entry in message["entries"])
        entries = [{"sequence": sequence, "head": known[sequence]} for sequence in asked if sequence in known]
        link.send("Heads", {"origin": message["origin"], "entries": entries})

"""mosquitto: a broker at the store that bridges to a broker at the hub, QoS 1. The hub keeps the messages
for a session that is away. What arrives are blobs of 200 check-ins; nobody has looked into them."""

import contextlib
import os
import shutil
import signal
import socket
import struct
import time

from link import Link
from records import COUNT
from world import free_port, stop, wait_for

BLOB = 200
ROUND_TRIP = 0.2
CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9


class Client:
    """As much of MQTT 3.1.1 as publishing and counting needs."""

    def __init__(self, port, name, clean=True):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.file = self.socket.makefile("rb")
        flags = struct.pack(">BBH", 4, 2 if clean else 0, 600)
        self.send(0x10, self.string(b"MQTT") + flags + self.string(name.encode()))
        self.expect(CONNACK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.send(0xE0, b"")
        self.file.close()
        self.socket.close()

    @staticmethod
    def string(data):
        return struct.pack(">H", len(data)) + data

    def send(self, head, body):
        length = bytearray()
        rest = len(body)
        while not length or rest:
            length.append(rest & 127 | (128 if rest > 127 else 0))
            rest >>= 7
        self.socket.sendall(bytes([head]) + bytes(length) + body)

    def receive(self):
        """Kind, flags and body of the next packet."""
        head = self.file.read(1)
        if not head:
            raise ConnectionError("the broker is gone")
        length = shift = 0
        while True:
            byte = self.file.read(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return head[0] >> 4, head[0] & 15, self.file.read(length)

    def expect(self, kind):
        found, _, body = self.receive()
        if found != kind:
            raise ConnectionError(f"the broker sent {found} instead of {kind}")
        return body

    def subscribe(self, topic, quality):
        self.send(0x82, struct.pack(">H", 1) + self.string(topic) + bytes([quality]))
        self.expect(SUBACK)

    def publish(self, messages):
        """Until the broker has acknowledged each; at most twenty are under way."""
        waiting = 0
        for number, message in enumerate(messages):
            if waiting == 20:
                self.expect(PUBACK)
                waiting -= 1
            number = struct.pack(">H", number % 65_535 + 1)
            self.send(0x32, self.string(b"check-ins/B0000") + number + message)
            waiting += 1
        for _ in range(waiting):
            self.expect(PUBACK)

    def count(self, wanted):
        """Messages that come, different ones, until there are as many; repeated ones count once."""
        seen = set()
        while len(seen) < wanted:
            kind, flags, body = self.receive()
            if kind != PUBLISH:
                continue
            at = 2 + int.from_bytes(body[:2], "big")
            if flags & 6:
                self.send(0x40, body[at : at + 2])
                at += 2
            seen.add(body[at:])


class Pair:
    """`saving` writes the broker's whole state at each change; else it is written each half hour."""

    def __init__(self, world, saving, filled=None):
        self.world = world
        self.binary = world.program("mosquitto", "mosquitto", "mosquitto")
        self.name = f"mosquitto {world.version(self.binary, '-h')}"
        self.saving = saving
        self.folder = world.subfolder("mosquitto")
        for name in ("hub", "store"):
            os.mkdir(f"{self.folder}/{name}")
        if filled:
            shutil.copy(f"{filled}/mosquitto.db", f"{self.folder}/store/mosquitto.db")
        self.hub, self.bridged, self.store = free_port(), free_port(), free_port()

    def settings(self, name, port, more):
        """Without `max_queued_messages 0` a broker drops what it has acknowledged beyond a thousand."""
        path = f"{self.folder}/{name}.conf"
        root = "user root\n" if os.getuid() == 0 else ""
        saving = "autosave_on_changes true\nautosave_interval 1\n" if self.saving else ""
        with open(path, "w", encoding="ascii") as file:
            file.write(
                f"{root}allow_anonymous true\npersistence true\npersistence_location {self.folder}/{name}/\n"
                f"max_queued_messages 0\nlog_dest stderr\n{saving}listener {port} 127.0.0.1\n{more}"
            )
        return [self.binary, "-c", path]

    def store_runs(self, port):
        folder = self.world.certificates
        bridge = (
            f"connection hub\naddress 127.0.0.1:{port}\ntopic check-ins/# out 1\ncleansession false\n"
            "remote_clientid store\nnotifications false\nrestart_timeout 1\n"
            f"bridge_cafile {folder}/ca.pem\nbridge_certfile {folder}/client.pem\n"
            f"bridge_keyfile {folder}/client.key\nbridge_tls_version tlsv1.3\n"
        )
        return self.world.server(self.settings("store", self.store, bridge), self.store)

    @contextlib.contextmanager
    def hub_runs(self, again=False):
        """With a session that is away; `again` after it has run before."""
        folder = self.world.certificates
        tls = (
            f"listener {self.bridged} 127.0.0.1\ncafile {folder}/ca.pem\ncertfile {folder}/server.pem\n"
            f"keyfile {folder}/server.key\nrequire_certificate true\ntls_version tlsv1.3\n"
        )
        with self.world.server(self.settings("hub", self.hub, tls), self.hub) as hub:
            if not again:
                with Client(self.hub, "away", clean=False) as away:
                    away.subscribe(b"check-ins/#", 1)
            yield hub

    def has_saved(self, size):
        """Whether what the hub has on its disk is as large as all messages."""
        with contextlib.suppress(OSError):
            return os.stat(f"{self.folder}/hub/mosquitto.db").st_size >= size
        return False


def fill(world, saving, blobs):
    """A store's folder with the queue in it; its broker was ended in good order."""
    pair = Pair(world, saving)
    with pair.store_runs(free_port()), Client(pair.store, "desk") as desk:
        desk.publish(blobs)
    return f"{pair.folder}/store"


def drained(world, saving, filled, blobs, check=False):
    """A run from the store's first connection until the hub has all on its disk, and bytes both ways. Of the
    processor's time it counts the start of the store's broker too."""
    pair = Pair(world, saving, filled)
    with pair.hub_runs() as hub, Client(pair.hub, "counter") as counter:
        counter.subscribe(b"check-ins/#", 0)
        size = sum(map(len, blobs))
        with Link(pair.bridged) as link, contextlib.ExitStack() as store:
            with world.clock() as run:
                store.enter_context(pair.store_runs(link.port))
                counter.count(len(blobs))
                hub.send_signal(signal.SIGUSR1)
                wait_for(lambda: pair.has_saved(size), every=0.002, what="the hub's file")
                run.start = link.opened
            weight = sum(link.settled())
        if check:
            stop(hub, signal.SIGKILL)
    if check:
        survives(pair, len(blobs))
    return run, weight


def survives(pair, count):
    """After a kill the session that was away finds everything."""
    with pair.hub_runs(again=True), Client(pair.hub, "away", clean=False) as away:
        away.count(count)


def measure(world, report):
    blobs = world.records.blobs(BLOB)
    for saving, words in ((True, "both save at each change"), (False, "hub saves once, when all is there")):
        filled = fill(world, saving, blobs)
        drained(world, saving, filled, blobs, check=True)
        found = [drained(world, saving, filled, blobs) for _ in range(world.runs)]
        name = f"{Pair(world, saving).name}, bridge with QoS 1, blobs of {BLOB}, {words}"
        report.add_drained(name, "as blobs, nothing merged", COUNT, [run for run, _ in found])
    name = f"{Pair(world, True).name}, bridge with QoS 1, blobs of {BLOB}"
    report.add(f"{name}: both ways, with TLS", "bytes a record", [weight / COUNT for _, weight in found])
    lone(world, report)


def lone(world, report):
    trips = []
    weights = []
    for run in range(world.runs):
        pair = Pair(world, True)
        port = free_port()
        with pair.hub_runs(), Client(pair.hub, "counter") as counter, pair.store_runs(port):
            counter.subscribe(b"check-ins/#", 0)
            with Client(pair.store, "desk") as desk:
                with Link(pair.bridged, port=port):
                    desk.publish([b"before"])
                    counter.count(1)
                desk.publish([world.records.lines[run]])
                with Link(pair.bridged, ROUND_TRIP, port) as link:
                    counter.count(1)
                    trips.append((time.monotonic() - link.opened) / ROUND_TRIP + 1)
                    weights.append(sum(link.settled()))
    name = f"{pair.name}, a lone urgent record of a bridge that comes back"
    report.add(f"{name}: from SYN until the hub has it, 200 ms", "round trips", trips)
    report.add(f"{name}: both ways, with TLS", "bytes", weights)

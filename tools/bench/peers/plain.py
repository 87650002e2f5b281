"""The plain rival: gzip'd JSON lines by HTTPS POST to a small server that merges them into SQLite, with a
WAL and synchronous = full."""

import gzip
import json
import os
import time

from link import Link
from records import COUNT
from world import Missing, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROUND_TRIP = 0.2


class Rival:
    def __init__(self, world):
        self.world = world
        go = world.program("go", "Go", "golang-go", "/usr/local/go/bin")
        world.program("gcc", "A C compiler", "gcc")
        if not os.path.exists("/usr/include/sqlite3.h"):
            raise Missing("SQLite's header is not installed (libsqlite3-dev)")
        self.name = f"HTTPS and gzip into SQLite, Go {world.version(go, 'version')}"
        self.binary = world.scratch + "/plain"
        settings = dict(
            os.environ, GOCACHE=world.scratch + "/go-build", GOPATH=world.scratch + "/go",
            GO111MODULE="off", CGO_ENABLED="1",
        )  # fmt: skip
        world.do([go, "build", "-o", self.binary, HERE + "/plain/main.go"], env=settings)

    def running(self):
        self.port = free_port()
        self.data = self.world.subfolder("plain") + "/hub.db"
        command = [self.binary, "serve", str(self.port), self.data, self.world.certificates]
        return self.world.server(command, self.port)

    def queue(self, batches):
        """A file of batches, each behind its length."""
        path = self.world.subfolder("queue") + "/batches"
        with open(path, "wb") as file:
            for batch in batches:
                file.write(len(batch).to_bytes(4, "big") + batch)
        return path

    def sent(self, queue, port):
        """Check-ins that are acknowledged, and the run from the first connection to the last answer. Of the
        processor's time it counts the start of the sender too."""
        command = [self.binary, "send", f"https://127.0.0.1:{port}", queue, self.world.certificates]
        with self.world.clock() as run:
            said = json.loads(self.world.do(command))
        run.seconds = said["seconds"]
        return said["stored"], run


def drained(rival, queue, through_link=False):
    with rival.running():
        if through_link:
            with Link(rival.port) as link:
                stored, run = rival.sent(queue, link.port)
                weight = sum(link.settled())
        else:
            stored, run = rival.sent(queue, rival.port)
            weight = 0
    there = rival.world.do([rival.binary, "count", rival.data])
    if stored != COUNT or int(there) != COUNT:
        raise RuntimeError(f"{stored} of {COUNT} were acknowledged, {there.strip()} are in the table")
    return run, weight


def measure(world, report):
    rival = Rival(world)
    for size in (200, 1_000):
        queue = rival.queue(world.records.zipped(size))
        _, weight = drained(rival, queue, through_link=True)
        runs = [drained(rival, queue)[0] for _ in range(world.runs)]
        name = f"{rival.name}, {size:,} a request"
        report.add_drained(name, "as rows in a table", COUNT, runs)
        report.add(f"{name}: both ways, with TLS", "bytes a record", [weight / COUNT])
    trips = []
    weights = []
    with rival.running():
        for run in range(world.runs):
            queue = rival.queue([gzip.compress(world.records.lines[run], 6, mtime=0)])
            with Link(rival.port, ROUND_TRIP) as link:
                rival.sent(queue, link.port)
                trips.append((time.monotonic() - link.wait_opened()) / ROUND_TRIP + 1)
                weights.append(sum(link.settled()))
    name = f"{rival.name}, a lone urgent record"
    report.add(f"{name}: from SYN to its answer, 200 ms", "round trips", trips)
    report.add(f"{name}: the whole session both ways, with TLS", "bytes", weights)

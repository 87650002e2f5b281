"""Loro and Yjs: a document at each branch, an entry a check-in, an update for each 200 of them. The updates
are imported into one document in memory; there is no line, and nothing is stored.

As a program of its own, on the core that is measured: crdts.py LIBRARY SEED RUNS"""

import json
import os
import sys
import time
import zlib

from records import COUNT, Records

UPDATE = 200


def key(row):
    return row["person"] + "/" + row["date"]


class LoroDocuments:
    """Documents of Loro, the hub's or a branch's."""

    def __init__(self, peer):
        import loro

        self.loro = loro
        self.document = loro.LoroDoc()
        self.document.peer_id = peer
        self.entries = self.document.get_map("check-ins")

    def update(self, rows):
        before = self.document.oplog_vv
        for row in rows:
            self.entries.insert(key(row), row)
        self.document.commit()
        return self.document.export(self.loro.ExportMode.Updates(before))

    def take(self, update):
        self.document.import_(update)

    def count(self):
        return len(self.entries.get_deep_value())


class YjsDocuments:
    """The same of Yjs, by pycrdt."""

    def __init__(self, peer):
        import pycrdt

        self.document = pycrdt.Doc(client_id=peer)
        self.entries = self.document.get("check-ins", type=pycrdt.Map)

    def update(self, rows):
        before = self.document.get_state()
        with self.document.transaction():
            for row in rows:
                self.entries[key(row)] = row
        return self.document.get_update(before)

    def take(self, update):
        self.document.apply_update(update)

    def count(self):
        return len(self.entries)


def updates(documents, rows):
    branches = {}
    for first in range(0, len(rows), UPDATE):
        name = rows[first]["branch"]
        branch = branches.setdefault(name, len(branches) + 1)
        if isinstance(branch, int):
            branch = branches[name] = documents(branch)
        yield zlib.compress(branch.update(rows[first : first + UPDATE]), 6)


def imported(documents, queue):
    """Seconds until one document has everything, by the clock and of the processor."""
    hub = documents(1_000)
    start, processor = time.perf_counter(), time.process_time()
    for update in queue:
        hub.take(zlib.decompress(update))
    seconds = time.perf_counter() - start, time.process_time() - processor
    if hub.count() != COUNT:
        raise RuntimeError(f"{hub.count()} of {COUNT} are in the document")
    return seconds


class Library:
    def __init__(self, says, module, name):
        self.says = says
        self.module = module
        self.name = name

    def measure(self, world, report):
        from importlib import metadata

        from world import Run, package

        package(self.module, self.name, self.says)
        version = metadata.version(self.name)
        command = [sys.executable, os.path.abspath(__file__), self.module, str(world.seed), str(world.runs)]
        found = json.loads(world.do(command))
        name = f"{self.says} ({self.name} {version}), updates of {UPDATE}"
        runs = [Run(*run) for run in found["runs"]]
        report.add_drained(name, "merged, in memory only", COUNT, runs)
        report.add(f"{name}: zlib's, no line", "bytes a record", [found["bytes"] / COUNT])


Loro = Library("Loro", "loro", "loro")
Yjs = Library("Yjs", "pycrdt", "pycrdt")

if __name__ == "__main__":
    library, seed, runs = sys.argv[1:]
    chosen = {"loro": LoroDocuments, "pycrdt": YjsDocuments}[library]
    queue = list(updates(chosen, Records(int(seed)).rows))
    found = [imported(chosen, queue) for _ in range(int(runs) + 1)][1:]
    print(json.dumps({"runs": found, "bytes": sum(map(len, queue))}))

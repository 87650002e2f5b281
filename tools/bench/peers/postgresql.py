"""PostgreSQL: each transaction is copied into a temporary table and merged from there; the later
one wins."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time

from link import Link
from records import COUNT
from world import Missing, free_port, newest_postgresql, wait_for

COLUMNS = {
    "branch": "text",
    "person": "text",
    "date": "date",
    "at": "timestamptz",
    "temperature": "numeric(3,1)",
    "symptoms": "int",
    "location": "text",
    "travelled": "boolean",
    "contact": "boolean",
    "isolation": "text",
    "note": "text",
}
ROUND_TRIP = 0.2


def create():
    fields = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    return f"create table check_in ({fields}, primary key (person, date));"


def merge(source):
    others = [name for name in COLUMNS if name not in ("person", "date")]
    sets = ", ".join(f"{name} = excluded.{name}" for name in others)
    return (
        f"insert into check_in {source} on conflict (person, date) do update set {sets}"
        " where (excluded.at, excluded.branch) > (check_in.at, check_in.branch);"
    )


def text(value):
    return "ft"[value] if isinstance(value, bool) else str(value)


def script(rows, size, path):
    """What psql is fed."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("create temp table fresh (like check_in) on commit delete rows;\n")
        for first in range(0, len(rows), size):
            file.write("begin;\ncopy fresh from stdin;\n")
            for row in rows[first : first + size]:
                file.write("\t".join(text(row[name]) for name in COLUMNS) + "\n")
            file.write("\\.\n" + merge("select * from fresh") + "\ncommit;\n")
        file.write("\\warn merged\n")


class Server:
    def __init__(self, world):
        self.world = world
        self.bin = os.path.dirname(
            os.path.realpath(world.program("postgres", "PostgreSQL", "postgresql", *newest_postgresql()))
        )
        self.psql = world.program("psql", "PostgreSQL's psql", "postgresql-client", self.bin)
        self.name = f"PostgreSQL {world.version(self.bin + '/postgres', '--version')}"
        self.port = free_port()
        self.user = {}
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root.
            try:
                pwd.getpwnam("postgres")
            except KeyError:
                raise Missing("there is no user 'postgres' for PostgreSQL to run as (postgresql)") from None
            self.user = {"user": "postgres", "group": "postgres", "extra_groups": []}

    @contextlib.contextmanager
    def running(self):
        folder = self.world.subfolder("postgresql")
        data = folder + "/data"
        if self.user:
            shutil.chown(folder, "postgres", "postgres")
        command = [f"{self.bin}/initdb", "-D", data, "-A", "trust", "-U", "rollcall", "--locale=C.UTF-8"]
        self.world.do(command + ["--no-sync"], cwd="/", **self.user)
        self.configure(data)
        command = [f"{self.bin}/postgres", "-D", data]
        with self.world.server(command, self.port, end=signal.SIGINT, cwd="/", **self.user):
            wait_for(lambda: self.call("select 1", check=False).returncode == 0, what="PostgreSQL")
            self.call("create role client login superuser")
            yield

    def configure(self, data):
        for name in ("ca.pem", "server.pem", "server.key"):
            shutil.copy(f"{self.world.certificates}/{name}", f"{data}/{name}")
            os.chmod(f"{data}/{name}", 0o600)
            if self.user:
                shutil.chown(f"{data}/{name}", "postgres", "postgres")
        with open(f"{data}/pg_hba.conf", "w", encoding="ascii") as file:
            file.write("hostssl all client 127.0.0.1/32 cert\nhost all rollcall 127.0.0.1/32 trust\n")
        with open(f"{data}/postgresql.conf", "a", encoding="ascii") as file:
            file.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
                "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n"
                "ssl = on\nssl_ca_file = 'ca.pem'\nssl_min_protocol_version = 'TLSv1.3'\n"
                "ssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\n"
            )

    def call(self, words, check=True):
        """Beside what is measured."""
        where = f"host=127.0.0.1 port={self.port} user=rollcall dbname=postgres sslmode=disable"
        return subprocess.run(
            [self.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", where],
            input=words, capture_output=True, text=True, check=check,
        )  # fmt: skip

    def client(self, port):
        """Arguments and environment. PostgreSQL 15 speaks one curve and OpenSSL offers another first: that
        costs a round trip unless the client is told."""
        folder = self.world.certificates
        settings = f"{folder}/p256.cnf"
        with open(settings, "w", encoding="ascii") as file:
            file.write("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nGroups = P-256\n")
        where = (
            f"host=127.0.0.1 port={port} user=client dbname=postgres gssencmode=disable sslmode=verify-full"
            f" sslrootcert={folder}/ca.pem sslcert={folder}/client.pem sslkey={folder}/client.key"
        )
        command = [self.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", where]
        return command, dict(os.environ, OPENSSL_CONF=settings)

    def merged(self, path, port):
        """A run in which psql goes through a script, over a connection that stands."""
        self.call("drop table if exists check_in;" + create() + "checkpoint;")
        command, environment = self.client(port)
        pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        with self.world.start(command, env=environment, text=True, **pipes) as psql:
            try:
                self.tell(psql, "\\warn connected", "connected")
                with self.world.clock() as run:
                    self.tell(psql, f"\\i {path}", "merged")
                psql.stdin.close()
                psql.wait(10)
            except BaseException:
                psql.kill()
                raise
        there = int(self.call("select count(*) from check_in").stdout)
        if there != COUNT:
            raise RuntimeError(f"{there} of {COUNT} are in the table")
        return run

    @staticmethod
    def tell(psql, words, answer):
        psql.stdin.write(words + "\n")
        psql.stdin.flush()
        said = psql.stderr.readline().strip()
        if said != answer:
            raise RuntimeError(f"psql: {said}")


def measure(world, report):
    server = Server(world)
    with server.running():
        for size in (20_000, 1_000):
            path = f"{world.folder}/merge-{size}.sql"
            script(world.records.rows, size, path)
            os.chmod(path, 0o644)
            name = f"{server.name}, COPY and merge, {size:,} a transaction"
            with Link(server.port) as link:
                server.merged(path, link.port)
                count = sum(link.settled())
            runs = [server.merged(path, server.port) for _ in range(world.runs)]
            report.add_drained(name, "as rows in a table", COUNT, runs)
            report.add(f"{name}: both ways, with TLS", "bytes a record", [count / COUNT])
        lone(world, server, report)


def lone(world, server, report):
    trips = []
    weights = []
    for run in range(world.runs):
        row = dict(world.records.rows[run], person=f"lone-{run}")
        values = ", ".join("'" + text(row[name]).replace("'", "''") + "'" for name in COLUMNS)
        with Link(server.port, ROUND_TRIP) as link:
            command, environment = server.client(link.port)
            world.do(command + ["-c", merge(f"values ({values})")], env=environment)
            trips.append((time.monotonic() - link.wait_opened()) / ROUND_TRIP + 1)
            weights.append(sum(link.settled()))
    name = f"{server.name}, a lone urgent record by psql"
    report.add(f"{name}: from SYN to its commit, 200 ms", "round trips", trips)
    report.add(f"{name}: the whole session both ways, with TLS", "bytes", weights)

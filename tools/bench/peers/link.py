"""A line to a server on this machine: it counts what goes over it, and may make it late."""

import asyncio
import collections
import threading
import time


class Link:
    """Listens at a port of its own while it is open. It runs in this process, so on the last core, and what
    is measured does not pay for it. Each piece arrives half of `round_trip` seconds after it was sent, and
    the server sees a connection that much later too. That `connect` itself takes a round trip cannot be had
    on one machine; who counts round trips adds it."""

    def __init__(self, target, round_trip=0.0, port=0):
        self.target = target
        self.late = round_trip / 2
        self.port = port
        self.up = 0
        self.down = 0
        self.opened = None
        self._ends = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._call(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def settled(self, quiet=0.3):
        """Bytes up and down once nothing has moved for a while."""
        seen = None
        while seen != (self.up, self.down):
            seen = (self.up, self.down)
            time.sleep(max(quiet, 3 * self.late))
        return seen

    def wait_opened(self, seconds=30):
        end = time.monotonic() + seconds
        while self.opened is None:
            if time.monotonic() > end:
                raise TimeoutError("nobody has connected")
            time.sleep(0.002)
        return self.opened

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self):
        return await self._loop.create_server(lambda: _End(self, is_near=True), "127.0.0.1", self.port)

    async def _close(self):
        self._server.close()
        for end in list(self._ends):
            end.transport.abort()
        await asyncio.sleep(0)


class _End(asyncio.Protocol):
    """One of the two connections that make one over the link."""

    def __init__(self, link, is_near):
        self.link = link
        self.is_near = is_near
        self.other = None
        self.transport = None
        self.waiting = collections.deque()

    def connection_made(self, transport):
        self.transport = transport
        self.link._ends.add(self)
        if self.is_near:
            if self.link.opened is None:
                self.link.opened = time.monotonic()
            self.other = _End(self.link, is_near=False)
            self.other.other = self
            self.link._loop.call_later(self.link.late, self._reach)
        else:
            self.flush()

    def _reach(self):
        if not self.transport.is_closing():
            self.link._loop.create_task(self._connect())

    async def _connect(self):
        try:
            await self.link._loop.create_connection(lambda: self.other, "127.0.0.1", self.link.target)
        except OSError:
            self.transport.abort()

    def data_received(self, data):
        if self.is_near:
            self.link.up += len(data)
        else:
            self.link.down += len(data)
        self.other.take(data)

    def take(self, data):
        """None for the end. Pieces stay in order whatever the timers do."""
        self.waiting.append((self.link._loop.time() + self.link.late, data))
        if self.link.late:
            self.link._loop.call_later(self.link.late, self.flush)
        else:
            self.flush()

    def flush(self):
        now = self.link._loop.time() + 1e-4
        while self.transport and self.waiting and self.waiting[0][0] <= now:
            data = self.waiting.popleft()[1]
            if data is None:
                self.transport.close()
            elif not self.transport.is_closing():
                self.transport.write(data)

    def connection_lost(self, error):
        self.link._ends.discard(self)
        if not self.link._loop.is_closed():
            self.other.take(None)

"""A TCP proxy in front of a broker, which a test or a soak can cut and heal."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536


class TcpProxy:
    """Forwards connections of localhost to another port of it, in a thread, as a context.

    Args:
        target_port: of the broker. It need not listen yet.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="tcp-proxy", daemon=True
        )
        self._is_cut = False
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        """The port to connect to."""

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wait_for(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Reset every connection, and refuse new ones."""
        self._wait_for(self._reset(is_cut=True))

    def heal(self) -> None:
        """Forward new connections again."""
        self._wait_for(self._reset(is_cut=False))

    def _wait_for(self, step: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _reset(self, *, is_cut: bool) -> None:
        self._is_cut = is_cut
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _close(self) -> None:
        self._server.close()
        await self._reset(is_cut=True)

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if not self._is_cut:
                await self._forward(client, answers)
        except (OSError, asyncio.CancelledError):
            pass  # the broker does not listen, a side has left, or the connection is cut
        finally:
            self._connections.discard(task)
            answers.transport.abort()

    async def _forward(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        broker, requests = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            both = [
                asyncio.ensure_future(_pump(client, requests)),
                asyncio.ensure_future(_pump(broker, answers)),
            ]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in both:
                    each.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        finally:
            requests.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await source.read(_CHUNK_BYTES):
            sink.write(content)
            await sink.drain()

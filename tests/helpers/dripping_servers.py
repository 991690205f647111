"""Servers that never end an answer: real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading


class Dripping:
    """A server that sends a beginning at once and then a byte every so often, for ever."""

    def __init__(self, beginning: bytes, then: bytes | None, every: float) -> None:
        self._beginning, self._then, self._every = beginning, then, every
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._closed = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(self._beginning)
            sent = 0
            while self._then is not None and not self._closed.wait(self._every):
                if self._then:
                    connection.sendall(self._then[sent : sent + 1] or b"x")
                    sent += 1

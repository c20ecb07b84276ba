"""A loopback proxy in front of a real server, told to fail in the ways that servers do."""

import contextlib
import socket
import threading
from collections.abc import Callable

CHUNK = 65_536

Behaviour = Callable[[socket.socket], None]


class FaultProxy:
    """Listens on a port of its own. ``heal`` ends the fault; no connection survives a change."""

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._changed = threading.Event()
        self._behaviour: Behaviour = self._pass
        self._listener: socket.socket | None = None
        self.port = 0
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def heal(self) -> None:
        """Let everything through."""
        self._behave(self._pass)

    def down(self) -> None:
        """Refuse connections, as a machine does on which the server has ended."""
        self._behave(self._pass)
        self._close_listener()

    def slow(self, seconds: float) -> None:
        """Answer rightly, but only after *seconds*."""
        self._behave(lambda client: self._slow(client, seconds))

    def drip(self) -> None:
        """Begin an answer, then send one blank every 0.2 s."""
        self._behave(self._drip)

    def garbage(self) -> None:
        """Answer with the page of some other server."""
        self.answer(200, "<!doctype html><h1>It works!</h1>", content_type="text/html")

    def answer(self, status: int, body: str, *, content_type: str = "application/json") -> None:
        """Answer every request with the same."""
        text = body.encode()
        head = (
            f"HTTP/1.1 {status} Fault\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        )
        self._behave(lambda client: self._answer(client, head.encode() + text))

    def close(self) -> None:
        self._behave(self._pass)
        self._close_listener()

    def _behave(self, behaviour: Behaviour) -> None:
        with self._lock:
            self._behaviour = behaviour
            self._changed.set()
            self._changed = threading.Event()
            victims, self._open = self._open, set()
        for victim in victims:
            shut(victim)
        self._listen()

    def _listen(self) -> None:
        if self._listener is not None:
            return
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _close_listener(self) -> None:
        if self._listener is not None:
            shut(self._listener)
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with self._lock:
                    self._open.add(client)
                    behaviour = self._behaviour
                threading.Thread(target=self._serve, args=(client, behaviour), daemon=True).start()

    def _serve(self, client: socket.socket, behaviour: Behaviour) -> None:
        with client:
            with contextlib.suppress(OSError):
                behaviour(client)
            with self._lock:
                self._open.discard(client)

    def _pass(self, client: socket.socket, first: bytes = b"") -> None:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            server.sendall(first)
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()

    def _slow(self, client: socket.socket, seconds: float) -> None:
        changed = self._changed
        first = client.recv(CHUNK)
        if first and not changed.wait(seconds):
            self._pass(client, first)

    def _drip(self, client: socket.socket) -> None:
        changed = self._changed
        if client.recv(CHUNK):
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
            )
            client.sendall(head)
            while not changed.wait(0.2):
                client.sendall(b" ")

    def _answer(self, client: socket.socket, answer: bytes) -> None:
        if client.recv(CHUNK):
            client.sendall(answer)


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until *source* ends, then pass the end on."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    shut(target)


def shut(victim: socket.socket) -> None:
    """Wake whoever reads from or writes to *victim*; its owner closes it."""
    with contextlib.suppress(OSError):
        victim.shutdown(socket.SHUT_RDWR)

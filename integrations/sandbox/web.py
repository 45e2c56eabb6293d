"""The HTTP side: keep-alive connections, one thread each, and answers that can fail to come."""

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from integrations.sandbox.messages import Request, Response

logger = logging.getLogger(__name__)
_LARGEST_BODY = 64 * 1024 * 1024


@dataclass(frozen=True)
class Silence:
    """Answer nothing: wait, then close the connection."""

    hold_seconds: float = 0.0


class SandboxHTTPServer(ThreadingHTTPServer):
    """Threads that end with the process, and a stop that closes connections still open."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Response | Silence]) -> None:
        self.answer = answer
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, SandboxHandler)

    def server_bind(self) -> None:
        """Bind without the reverse name look-up of the base class, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then serve it in a thread."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a caller who hung up."""
        logger.debug("connection from %s broke", client_address)

    def close(self) -> None:
        """Stop serving and close what is open."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._guard:
            still_open = list(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it was closing by itself


class SandboxHandler(BaseHTTPRequestHandler):
    """Reads a request, asks for the answer, writes it in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: SandboxHTTPServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class's name
        """Write no line per request."""

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = self.server.answer(Request(self.command, self.path, headers, body))
        except Exception:
            logger.exception("the sandbox failed at %s %s", self.command, self.path)
            answer = Response.json({"error": "The sandbox itself failed; its log says why."}, 500)
        if isinstance(answer, Silence):
            self.server.stopping.wait(answer.hold_seconds)
            self.close_connection = True
            return
        self._write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 — the base class's names

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._write(Response.json({"error": "Send a Content-Length of at most 64 MB."}, 411))
            return None
        size = int(length)
        body = self.rfile.read(size) if size else b""
        if len(body) < size:
            self.close_connection = True
            return None
        return body

    def _write(self, answer: Response) -> None:
        phrase = HTTPStatus(answer.status).phrase
        head = [
            f"HTTP/1.1 {answer.status} {phrase}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            "Cache-Control: no-store",
            *(() if "Date" in dict(answer.headers) else (f"Date: {formatdate(usegmt=True)}",)),
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        if self.close_connection:
            head.append("Connection: close")
        body = b"" if self.command == "HEAD" else answer.body
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1", "replace") + body)

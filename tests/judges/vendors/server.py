"""The vendors on loopback: their wire formats, a judge behind them, and what can go wrong, by request.

    with Vendors(judge, faults={"case 3?": Fault("rate_limit", times=2)}) as vendors:
        …run with vendors.environment()…
        vendors.calls

A fault is chosen by a text that stands in the prompt. Everything that arrives is kept.
"""

import contextlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from .batches import Batches
from .dialects import MESSAGES, Dialect, Said, dialect_of
from .streams import message_events

Kind = Literal[
    "rate_limit",  # 429, try again soon
    "exhausted",  # the account has no credit
    "server_error",  # 500
    "overloaded",  # 503
    "bad_key",  # 401
    "no_model",  # 404
    "rejects_form",  # 400 where a form of the reply is asked for
    "drop",  # the connection is closed without a word
    "drop_midway",  # … in the middle of the body
    "slow",  # nothing comes for a long time
    "trickle",  # the body comes byte by byte
    "garbage",  # the body is no JSON
    "malformed",  # the judge's reply is broken JSON
    "other_form",  # … is JSON of another form
    "truncated",  # … was cut off by max_tokens
    "thought_only",  # … never came: thinking took all tokens
    "refusal",  # … is marked as a refusal
    "declines",  # … is a refusal in plain words
    "content_filter",  # … was stopped by a filter
    "empty",  # … is nothing
    "blank",  # … is white space
    "prose",  # … is a verdict in plain words
    "thinks",  # … comes after thoughts that say the contrary
    "thinks_inline",  # … likewise, the thoughts in the text itself
]
Judge = Callable[[str], str]
KEY = "sk-loopback-secret"
_STATUS: dict[str, tuple[int, str, str]] = {
    "rate_limit": (429, "rate_limit_exceeded", "Rate limit reached. Please try again soon."),
    "server_error": (500, "server_error", "The server had an error while processing your request."),
    "overloaded": (503, "service_unavailable", "The model is overloaded. Please try again later."),
    "no_model": (404, "model_not_found", "The model does not exist or you do not have access to it."),
    "bad_key": (401, "invalid_api_key", "Incorrect API key provided: sk-loop****cret."),
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and with how many of the requests about the same prompt in the same order."""

    kind: Kind
    times: int = 1_000_000
    dialect: str | None = None  # None: of every vendor


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    dialect: Dialect | None
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def prompt(self) -> str:
        return self.dialect.prompt(self.json) if self.dialect else ""

    @property
    def form(self) -> dict[str, Any] | None:
        return self.dialect.form(self.json) if self.dialect else None


class Vendors:
    """A server on a free port of loopback that speaks for all vendors."""

    def __init__(
        self, judge: Judge, faults: Mapping[str, Fault] | None = None, *, port: int = 0, pause: float = 0.0
    ) -> None:
        self._lock = threading.Lock()
        self.begin(judge, faults, pause=pause)
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.vendors = self

    def begin(self, judge: Judge, faults: Mapping[str, Fault] | None = None, *, pause: float = 0.0) -> None:
        """Start anew: nothing received yet, and with these faults."""
        self.judge, self.faults, self.pause = judge, dict(faults or {}), pause
        self.received: list[Received] = []
        self.batches = Batches(self.said, self.fault_of)
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self.now, self.most_at_once = 0, 0  # calls under way

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def calls(self) -> list[Received]:
        """Requests that ask a judge something, leaving out batches, files and the like."""
        return [each for each in self.received if each.dialect]

    def environment(self) -> dict[str, str]:
        """What makes Inspect's providers come here."""
        keys = dict.fromkeys(
            ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "LOOPBACK_API_KEY", "VLLM_API_KEY"), KEY
        )
        return keys | {
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "ANTHROPIC_BASE_URL": self.url,
            "GOOGLE_BASE_URL": self.url,
            "LOOPBACK_BASE_URL": f"{self.url}/compatible/v1",
            "VLLM_BASE_URL": f"{self.url}/vllm/v1",
        }

    def fault_of(self, dialect: Dialect, prompt: str) -> Kind | None:
        """What goes wrong with this request; counted, so that it may pass."""
        for text, fault in self.faults.items():
            if text in prompt and fault.dialect in (None, dialect.name):
                with self._lock:
                    self._seen[dialect.name, text, prompt] += 1
                    return fault.kind if self._seen[dialect.name, text, prompt] <= fault.times else None
        return None

    def count(self, change: int) -> None:
        """One call more, or less, is under way."""
        with self._lock:
            self.now += change
            self.most_at_once = max(self.most_at_once, self.now)

    def said(self, prompt: str, kind: str | None) -> Said:
        """What the judge says where the wire is whole."""
        right = self.judge(prompt)
        if kind is None:
            return Said(right)
        odd = {
            "malformed": Said('{"winner": "A", "reason": "the comma is'),
            "other_form": Said('{"best": 1, "why": "other keys"}'),
            "truncated": Said(right[: len(right) // 2], "length"),
            "thought_only": Said("", "length", thinks=True),
            "refusal": Said("I'd rather not compare these two.", "refusal"),
            "declines": Said("I'm sorry, but I can't help with comparing these."),
            "content_filter": Said("", "filter"),
            "empty": Said(""),
            "blank": Said("\n \n"),
            "prose": Said(f"Both were read with care.\n\nWinner: {_winner(right)}"),
            "thinks": Said(right, thinks=True),
            "thinks_inline": Said(f'<think>Perhaps {{"winner": "A"}}. Or B?</think>\n{right}'),
        }
        return odd.get(kind, Said(right))

    def __enter__(self) -> "Vendors":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _winner(reply: str) -> str:
    return json.loads(reply)["winner"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    vendors: Vendors

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some faults are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _answer(self) -> None:
        assert isinstance(self.server, _Server)
        vendors = self.server.vendors
        body = self._read()
        if len(body) < int(self.headers.get("Content-Length") or 0):
            self.close_connection = True  # whoever asked is no more: killed while it was speaking
            return
        got = Received(self.command, self.path, dict(self.headers), body, dialect_of(urlsplit(self.path).path))
        vendors.received.append(got)
        if got.dialect is None:
            self._send(*vendors.batches.answer(got.method, self.path, got.headers, got.body, vendors.url))
            return
        vendors.count(1)
        time.sleep(vendors.pause)
        vendors.count(-1)
        kind = vendors.fault_of(got.dialect, got.prompt)
        if kind == "rejects_form" and got.form is None:
            kind = None
        if kind in ("drop", "slow"):
            time.sleep(30 if kind == "slow" else 0)
            self._hang_up()
        elif failure := _failure(got.dialect, kind):
            status, body = failure
            self._send(status, body, {"retry-after-ms": "5"})
        else:
            self._say(got, vendors.said(got.prompt, kind), kind)

    def _say(self, got: Received, said: Said, kind: str | None) -> None:
        assert got.dialect is not None
        reply = got.dialect.reply(got.json, said)
        if got.json.get("stream") and got.dialect is MESSAGES:
            body, content_type = message_events(reply), "text/event-stream"
        else:
            body, content_type = json.dumps(reply).encode(), "application/json"
        if kind == "garbage":
            body = b"<html>Bad gateway, politely</html>"
        self._head(200, len(body), {"Content-Type": content_type})
        if kind == "drop_midway":
            self.wfile.write(body[: len(body) // 2])
            self._hang_up()
        elif kind == "trickle":
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.5)
        else:
            self.wfile.write(body)

    def _send(self, status: int, body: bytes | dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._head(status, len(content), {"Content-Type": "application/json", **(headers or {})})
        self.wfile.write(content)

    def _head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def _read(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole


def _failure(dialect: Dialect, kind: str | None) -> tuple[int, dict[str, Any]] | None:
    if kind == "exhausted":
        status, code, message = dialect.exhausted
    elif kind == "rejects_form":
        status, code, message = (
            400,
            "invalid_request_error",
            "response_format/output_format: json_schema is not supported",
        )
    elif kind in _STATUS:
        status, code, message = _STATUS[kind]
    else:
        return None
    return status, dialect.error(status, code, message)

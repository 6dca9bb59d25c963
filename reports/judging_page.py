"""The page where people judge: a server on this machine alone, one link for each rater, nothing that tells who is who.

Every rater has a path and a one-time link. Opening the link makes a session, known by a cookie for that path only, so
that two raters may sit at one browser. What goes over the wire is an opaque pair id, the prompt, and two answers: A in
the first place, B in the second. Requests under another host's name, from another origin or without the session are
refused, and the page itself may load nothing from anywhere.
"""

import json
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from venire._common.errors import InputError
from venire._common.hashing import sha256_json
from venire.judges.people import CHOICES, Ballots, Rater, Texts
from venire.judges.rubric import Rubric

from .escape import visible
from .render import digest, page_of, source

LOOPBACK = "127.0.0.1"
COOKIE = "venire_rater"
LONGEST_BODY = 64_000  # bytes of a request
LONGEST_REASON = 4_000  # characters
_A_MONTH = 30 * 24 * 3600
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True)
class Booth:
    """What the pages need: the votes, the texts of the pairs, and the rubric that the panel was given."""

    ballots: Ballots
    texts: dict[str, Texts]
    rubric: Rubric
    tell: Callable[[Rater], None] = lambda rater: None  # a rater has just come to the end

    def path_of(self, rater: Rater) -> str:
        """The rater's own place: the same after a restart, so that an open page goes on."""
        return f"/r/{sha256_json([self.ballots.manifest.seals[-1].pairs, rater.name])[:16]}/"

    def find(self, path: str) -> Rater | None:
        """Whose place it is."""
        return next((rater for rater in self.ballots.raters() if path.startswith(self.path_of(rater))), None)

    def state(self, rater: Rater) -> dict[str, Any]:
        """What the page shows now, with what the rater chose on this pair before taking it back.

        Nothing in it says who wrote what, or how the votes stand.
        """
        done, turn = self.ballots.done(rater), self.ballots.next(rater)
        state: dict[str, Any] = {
            "done": len(done),
            "skipped": list(done.values()).count("skip"),
            "total": len(self.ballots.turns(rater)),
            "last": next(reversed(done), None),
            "before": None,
            "pair": None,
        }
        if turn is not None:
            texts = self.texts[turn.pair]
            if undone := self.ballots.latest(rater, turn.pair):
                state["before"] = {"choice": undone[0], "reason": undone[1]}
            second = "high" if turn.first == "low" else "low"
            asks = self.rubric.shows_reference
            state["pair"] = {
                "id": turn.pair,
                "prompt": visible(texts.prompt),
                "reference": visible(texts.reference) if asks and texts.reference else None,
                "A": visible(texts.sides[turn.first]),
                "B": visible(texts.sides[second]),
            }
        return state

    def page(self) -> str:
        """The page; texts come to it afterwards."""
        # What is filled in for a model, and what it is told about its markers, says nothing to a person.
        paragraphs = [p for p in self.rubric.body.split("\n\n") if "{{" not in p and "between markers" not in p]
        return page_of("judge.html", "judge.css", "judge.js", rubric=self.rubric, paragraphs=paragraphs)


class JudgingServer(ThreadingHTTPServer):
    """The server, on loopback. `address` is its origin."""

    daemon_threads = True

    def __init__(self, booth: Booth, port: int | None = None) -> None:
        self.booth = booth
        super().__init__((LOOPBACK, _free_port(port, booth.ballots.port)), _Handler)
        booth.ballots.remember("port", str(self.server_port))

    @property
    def address(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://{LOOPBACK}:{self.server_port}"

    @property
    def names(self) -> set[str]:
        """What this machine may be called by."""
        return {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    def link(self, rater: Rater) -> str:
        """A new one-time link for a rater; older ones that nobody used are void."""
        secret = secrets.token_urlsafe(24)
        self.booth.ballots.open_door(rater, "link", secret)
        return f"{self.address}{self.booth.path_of(rater)}?link={secret}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no news."""


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: JudgingServer  # pyright: ignore[reportIncompatibleVariableOverride]
    server_version, sys_version = "venire", ""
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a request's line holds the link's secret."""

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, act: Callable[[], None]) -> None:
        try:
            act()
        except _Refused as refusal:
            self.close_connection = True  # the body may not have been read
            self._send(refusal.status, "text/plain; charset=utf-8", str(refusal))

    def _get(self) -> None:
        self._check_where_from(must_name_origin=False)
        url = urlsplit(self.path)
        rater = self._rater(url.path)
        place = self.server.booth.path_of(rater)
        link = parse_qs(url.query).get("link", [""])[0]
        if url.path == place and link and not self._has_session(rater):
            self._come_in(rater, link)
        elif url.path == place and link:
            self._redirect(place)
        elif url.path == place:
            self._require_session(rater)
            self._page()
        elif url.path == f"{place}state":
            self._require_session(rater)
            self._json(self.server.booth.state(rater))
        else:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _post(self) -> None:
        self._check_where_from(must_name_origin=True)
        path = urlsplit(self.path).path
        rater = self._rater(path)
        self._require_session(rater)
        sent, counts = self._body(), True
        match path.removeprefix(self.server.booth.path_of(rater)):
            case "vote":
                counts = self._vote(rater, sent)
            case "undo":
                counts = self._undo(rater, sent)
            case "skipped":
                self.server.booth.ballots.take_up_skipped(rater)
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
        self._json(self.server.booth.state(rater) | {"counts": counts})

    def _vote(self, rater: Rater, sent: dict[str, Any]) -> bool:
        """Record a vote. False if it does not count, since the page had fallen behind another one."""
        pair, choice, reason, seconds = (sent.get(key) for key in ("pair", "choice", "reason", "seconds"))
        if not isinstance(pair, str) or choice not in CHOICES or not isinstance(reason, str | None):
            raise _Refused(HTTPStatus.BAD_REQUEST, f"A vote has a pair and a choice: {', '.join(CHOICES)}.")
        is_time = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e6
        booth = self.server.booth
        reason = (reason or "")[:LONGEST_REASON]
        cast = booth.ballots.cast(rater, pair, choice, reason, seconds if is_time else None)
        if cast and booth.ballots.next(rater) is None:
            booth.tell(rater)
        # Sent again because an answer got lost, the same vote stands already.
        return cast or booth.ballots.latest(rater, pair) == (choice, reason, True)

    def _undo(self, rater: Rater, sent: dict[str, Any]) -> bool:
        """Take back the vote on the pair that the page takes for the last. False if another one is."""
        pair, ballots = sent.get("pair"), self.server.booth.ballots
        if not isinstance(pair, str):
            raise _Refused(HTTPStatus.BAD_REQUEST, "To undo, name the pair that was voted on last.")
        latest = None if ballots.undo(rater, pair) else ballots.latest(rater, pair)
        return latest is None or not latest[2]

    def _check_where_from(self, *, must_name_origin: bool) -> None:
        """A page of another site must not reach us, not even under a name of its own that points to this machine."""
        if self.headers.get("Host", "") not in self.server.names:
            raise _Refused(HTTPStatus.FORBIDDEN, "This host is not known here.")
        origin = self.headers.get("Origin")
        if origin is None and must_name_origin:
            raise _Refused(HTTPStatus.FORBIDDEN, "The request does not say where it comes from.")
        if origin is not None and origin != f"http://{self.headers['Host']}":
            raise _Refused(HTTPStatus.FORBIDDEN, "Requests from elsewhere are refused.")

    def _rater(self, path: str) -> Rater:
        rater = self.server.booth.find(path)
        if rater is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
        return rater

    def _has_session(self, rater: Rater) -> bool:
        try:
            morsel = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return morsel is not None and self.server.booth.ballots.enters(rater, morsel.value)

    def _require_session(self, rater: Rater) -> None:
        if not self._has_session(rater):
            raise _Refused(
                HTTPStatus.FORBIDDEN, "This page opens by its one-time link, in the browser that first opened it."
            )

    def _come_in(self, rater: Rater, link: str) -> None:
        ballots = self.server.booth.ballots
        if not ballots.spend_link(rater, link):
            raise _Refused(
                HTTPStatus.FORBIDDEN,
                "This link was used already, or is void. The same command, started again, gives a new one.",
            )
        secret, place = secrets.token_urlsafe(32), self.server.booth.path_of(rater)
        ballots.open_door(rater, "session", secret)
        cookie = f"{COOKIE}={secret}; Path={place}; HttpOnly; SameSite=Lax; Max-Age={_A_MONTH}"
        self._redirect(place, {"Set-Cookie": cookie})

    def _redirect(self, place: str, more: dict[str, str] | None = None) -> None:
        self._send(HTTPStatus.SEE_OTHER, "text/plain; charset=utf-8", "", {"Location": place} | (more or {}))

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LONGEST_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long, or does not say how long.")
        if self.headers.get_content_type() != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "JSON is wanted.")
        try:
            sent = json.loads(self.rfile.read(int(length)))
        except ValueError:
            sent = None
        if not isinstance(sent, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "A JSON object is wanted.")
        return sent

    def _page(self) -> None:
        style, script = digest(source("judge.css")), digest(source("judge.js"))
        policy = (
            f"default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self'; img-src data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        page = self.server.booth.page()
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", page, {"Content-Security-Policy": policy})

    def _json(self, value: Any) -> None:
        self._send(HTTPStatus.OK, "application/json", json.dumps(value, ensure_ascii=False))

    def _send(self, status: HTTPStatus, kind: str, content: str, more: dict[str, str] | None = None) -> None:
        data = content.encode("utf-8", "backslashreplace")
        self.send_response(status)
        headers = _HEADERS | {"Content-Type": kind, "Content-Length": str(len(data))}
        for name, value in (headers | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _free_port(wanted: int | None, last: int | None) -> int:
    """The port asked for, else the last one if it is free, else any. Raises InputError if it is taken."""
    for port in (wanted,) if wanted else (last, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise InputError(f"--port {wanted}: it is taken; leave it out, and a free one is found")

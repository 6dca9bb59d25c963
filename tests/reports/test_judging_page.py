"""People judge in a real browser, and what they pressed is what the ledger says; everybody else is turned away."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from venire._common.errors import InputError
from venire.cli import cli
from venire.judges.judging import Judging, open_judging
from venire.judges.pairs import make_pairs
from venire.judges.panel import resolve_panel
from venire.judges.people import Ballots, shown_texts
from venire.judges.rubric import load_rubric
from venire.judges.sheets import write_sheet
from venire.reports.judging_page import Booth, JudgingServer

from .browser import CHROMIUM, Browser, Tab, chromium
from .people import CANDIDATE, INCUMBENT, answers

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome on PATH")
HOSTILE = (
    "<script>window.hurt = 1</script><img src='http://tracker.example/x.png'> \u202egnp</div>![x](http://t.example)"
)


@pytest.fixture
def judging(tmp_path: Path) -> Judging:
    """Twenty sealed pairs and the panel's sheet; one answer is hostile."""
    pairs = make_pairs(answers(20, HOSTILE), [CANDIDATE], INCUMBENT, seed=3)
    panel = resolve_panel({"judges": [{"model": "mockllm/one", "rubric": "stance"}]})
    found = open_judging(pairs, panel, tmp_path / "run", seed=3, anchors=0)
    write_sheet(found.manifest, "mockllm/one", found.pairs, found.run / "sheets")
    return found


class Asking:
    """A plain HTTP client that can lie about who it is."""

    def __init__(self, server: JudgingServer) -> None:
        self.server, self.cookie = server, ""

    def __call__(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str | None
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        sent: dict[str, str | None] = {"Host": self.server.address[7:], "Cookie": self.cookie or None}
        if method == "POST":
            sent |= {"Origin": self.server.address, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, {name: value for name, value in sent.items() if value is not None})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def come_in(self, link: str) -> str:
        """Open a one-time link; gives the rater's place."""
        url = urlsplit(link)
        status, headers, _ = self("GET", f"{url.path}?{url.query}")
        assert status == 303
        self.cookie = headers["Set-Cookie"].partition(";")[0]
        return headers["Location"]


@pytest.fixture
def server(judging: Judging) -> Iterator[JudgingServer]:
    ballots = Ballots(judging.run, judging.manifest)
    for name in ("ana", "ben"):
        ballots.enrol(name, [CANDIDATE])
    booth = Booth(ballots, shown_texts(judging.run, judging.manifest), load_rubric("stance"))
    found = JudgingServer(booth)
    thread = threading.Thread(target=found.serve_forever, args=(0.05,))
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()
    ballots.close()


@pytest.fixture
def asking(server: JudgingServer) -> Asking:
    return Asking(server)


def rater(server: JudgingServer, name: str = "ana") -> Any:
    return next(r for r in server.booth.ballots.raters() if r.name == name)


def test_a_link_opens_once_and_the_session_goes_on(server: JudgingServer, asking: Asking) -> None:
    link = server.link(rater(server))
    place = asking.come_in(link)
    assert asking("GET", place)[0] == 200
    assert asking("GET", f"{place}state")[0] == 200
    url = urlsplit(link)
    assert asking("GET", f"{url.path}?{url.query}")[0] == 303, "in the same browser the spent link still leads there"
    stranger = Asking(server)
    status, _, said = stranger("GET", f"{url.path}?{url.query}")
    assert status == 403 and "used already" in said


def test_without_the_link_nothing_is_shown_and_nothing_counted(server: JudgingServer, asking: Asking) -> None:
    place = server.booth.path_of(rater(server))
    server.link(rater(server))
    turn = server.booth.ballots.next(rater(server))
    assert turn is not None
    vote = {"pair": turn.pair, "choice": "A"}
    for method, path, body in (
        ("GET", place, None),
        ("GET", f"{place}state", None),
        ("GET", f"{place}?link=guess", None),
        ("POST", f"{place}vote", vote),
        ("POST", f"{place}undo", {}),
    ):
        status, _, said = asking(method, path, body)
        assert status == 403, path
        assert "bread" not in said
    asking.cookie = "venire_rater=guess"
    assert asking("POST", f"{place}vote", vote)[0] == 403
    assert asking("GET", "/")[0] == asking("GET", "/r/0000000000000000/")[0] == 404
    assert server.booth.ballots.done(rater(server)) == {}


def test_one_raters_session_opens_no_other_raters_page(server: JudgingServer, asking: Asking) -> None:
    asking.come_in(server.link(rater(server, "ana")))
    assert asking("GET", server.booth.path_of(rater(server, "ben")))[0] == 403


@pytest.mark.parametrize(
    "lie",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": None},
    ],
)
def test_another_host_or_origin_is_refused(server: JudgingServer, asking: Asking, lie: dict[str, Any]) -> None:
    place = asking.come_in(server.link(rater(server)))
    turn = server.booth.ballots.next(rater(server))
    assert turn is not None
    assert asking("POST", f"{place}vote", {"pair": turn.pair, "choice": "A"}, **lie)[0] == 403
    if lie != {"Origin": None}:  # a browser names no origin when it just opens a page
        status, headers, said = asking("GET", f"{place}state", **lie)
        assert status == 403 and "Access-Control-Allow-Origin" not in headers and "bread" not in said
    assert server.booth.ballots.done(rater(server)) == {}


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"body": {"pair": "x"}}, 400),
        ({"body": {"pair": 7, "choice": "A"}}, 400),
        ({"body": {"pair": "x", "choice": "C"}}, 400),
        ({"body": {"pair": "x", "choice": "A", "reason": 5}}, 400),
        ({"body": ["A"]}, 400),
        ({"path": "undo", "body": {}}, 400),
        ({"raw": b"{"}, 400),
        ({"body": {}, "Content_Type": "text/plain"}, 415),
        ({"raw": b"x" * 70_000}, 413),
    ],
)
def test_what_is_no_vote_is_refused(
    server: JudgingServer, asking: Asking, options: dict[str, Any], status: int
) -> None:
    place = asking.come_in(server.link(rater(server)))
    assert asking("POST", place + options.pop("path", "vote"), **options)[0] == status
    assert asking("GET", f"{place}state")[0] == 200


def test_a_vote_sent_twice_counts_once(server: JudgingServer, asking: Asking) -> None:
    place = asking.come_in(server.link(rater(server)))
    first = json.loads(asking("GET", f"{place}state")[2])["pair"]["id"]
    for choice in ("A", "B"):
        status, _, said = asking("POST", f"{place}vote", {"pair": first, "choice": choice, "seconds": 1.5})
        assert status == 200 and json.loads(said)["done"] == 1
    assert server.booth.ballots.done(rater(server)) == {first: "A"}


def test_a_page_that_fell_behind_is_told_so_and_a_lost_answer_is_not(server: JudgingServer, asking: Asking) -> None:
    place = asking.come_in(server.link(rater(server)))
    state = json.loads(asking("GET", f"{place}state")[2])
    assert state["last"] is state["before"] is None

    def post(what: str, **body: Any) -> dict[str, Any]:
        return json.loads(asking("POST", place + what, body)[2])

    seen = []
    for choice in ("A", "B"):
        seen.append(state["pair"]["id"])
        state = post("vote", pair=seen[-1], choice=choice, reason="why")
        assert state["counts"] and state["last"] == seen[-1]
    assert post("vote", pair=seen[1], choice="B", reason="why")["counts"], "the answer got lost, the vote stands"
    assert not post("vote", pair=seen[1], choice="A", reason="why")["counts"], "another tab voted on it"
    assert not post("undo", pair=seen[0])["counts"], "another tab voted since"
    undone = post("undo", pair=seen[1])
    assert undone["counts"] and undone["before"] == {"choice": "B", "reason": "why"} and undone["last"] == seen[0]
    again = post("undo", pair=seen[1])
    assert again["counts"] and again["last"] == seen[0], "sent twice, it undoes one"
    assert server.booth.ballots.done(rater(server)) == {seen[0]: "A"}


def test_nothing_on_the_wire_tells_which_is_which(server: JudgingServer, asking: Asking) -> None:
    place = asking.come_in(server.link(rater(server)))
    wire = str(asking("GET", place)[1:])
    for _ in range(20):
        said = asking("GET", f"{place}state")
        wire += str(said[1:])
        pair = json.loads(said[2])["pair"]
        assert set(pair) == {"id", "prompt", "reference", "A", "B"}
        wire += str(asking("POST", f"{place}vote", {"pair": pair["id"], "choice": "tie"})[1:])
    for word in ("brie_sft", "smollm", "candidate", "incumbent", "low", "high", "win"):
        assert f'"{word}' not in wire and f"{word}/" not in wire and "brie_sft" not in wire
    for name in ("candidate", "incumbent", "smollm"):
        assert name not in wire


def test_the_page_may_load_nothing_and_be_framed_by_nobody(server: JudgingServer, asking: Asking) -> None:
    place = asking.come_in(server.link(rater(server)))
    _, headers, page = asking("GET", place)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"] and headers["X-Frame-Options"] == "DENY"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "http://" not in page and "https://" not in page


def test_only_this_machine_can_reach_it(server: JudgingServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.2", server.server_port)) != 0


def test_an_ended_browser_and_a_hostile_cookie_do_no_harm(server: JudgingServer, asking: Asking) -> None:
    place = asking.come_in(server.link(rater(server)))
    asking.cookie = 'venire_rater="\\x"; ;;='
    assert asking("GET", place)[0] == 403


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--candidate", "nobody/plain"], "is not judged here"),
        (["--pairs", "4", "--shared", "6"], "more than --pairs 4"),
        (["--rater", "Ana Maria"], "pseudonym"),
        (["--rubric", "nowhere"], "does not exist"),
    ],
)
def test_mistakes_of_the_command_are_named(judging: Judging, options: list[str], why: str) -> None:
    done = CliRunner().invoke(cli, ["judge", "human", str(judging.run), *options])
    assert isinstance(done.exception, InputError) and why in str(done.exception)


def test_other_rubrics_and_taken_ports_are_refused(judging: Judging) -> None:
    ballots = Ballots(judging.run, judging.manifest)
    ballots.keep_rubric("one")
    ballots.keep_rubric("two")  # nothing was judged by the first
    ana = ballots.enrol("ana", [CANDIDATE])
    turn = ballots.next(ana)
    assert turn and ballots.cast(ana, turn.pair, "A")
    with pytest.raises(InputError, match="another rubric"):
        ballots.keep_rubric("three")
    booth = Booth(ballots, shown_texts(judging.run, judging.manifest), load_rubric("stance"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(InputError, match="it is taken"):
            JudgingServer(booth, other.getsockname()[1])
    ballots.close()


# In a browser


class Host:
    """`venire judge human` in a process of its own."""

    def __init__(self, run: Path, *raters: str) -> None:
        named = [part for name in raters for part in ("--rater", name)]
        command = [sys.executable, "-m", "venire.cli", "judge", "human", str(run), *named]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.links: dict[str, str] = {}
        assert self.process.stdout is not None
        for name in raters:
            assert self.process.stdout.readline().startswith(f"{name}: ")
            self.links[name] = self.process.stdout.readline().strip()

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Ctrl-C; the votes enter the ledger."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


class Person:
    """Somebody with a keyboard: what they saw and pressed, by the opaque id on the page."""

    def __init__(self, tab: Tab, link: str) -> None:
        self.tab = tab
        self.seen: list[str] = []
        self.pressed: dict[str, str] = {}
        self.first: dict[str, str] = {}
        tab.open(link)
        self.ready()

    def ready(self) -> None:
        self.tab.wait_for("document.body.dataset.pair !== undefined && !document.body.hasAttribute('aria-busy')")

    def judge(self, key: str, reason: str = "") -> None:
        pair = self.tab.run("document.body.dataset.pair")
        self.seen.append(pair)
        self.pressed[pair] = key
        self.first[pair] = self.tab.run("document.getElementById('a').textContent")
        if reason:
            self.tab.press("r")
            self.tab.type(reason)
            self.tab.press("Escape")
        self.press(key, pair)

    def press(self, key: str, before: str) -> None:
        time.sleep(0.15)  # keys pressed twice in a moment are taken for one
        self.tab.press(key)
        self.tab.wait_for(f"document.body.dataset.pair !== {json.dumps(before)}")
        self.ready()

    def undo(self) -> None:
        before = self.tab.run("document.body.dataset.pair")
        self.press("u", before)
        assert self.tab.run("document.body.dataset.pair") == self.seen.pop()

    @property
    def count(self) -> str:
        return self.tab.run("document.getElementById('count').textContent")


@needs_chromium
def test_two_raters_judge_twenty_pairs_by_keys(judging: Judging, browser: Browser) -> None:
    keys = "abtxabbaatxbbabatbax"
    host = Host(judging.run, "ana", "ben")
    ana, ben = (Person(browser.tab(), host.links[name]) for name in ("ana", "ben"))
    assert ana.tab.run("document.activeElement.id") != "reason"
    for i in range(8):
        ana.judge(keys[i], reason="it has a <b>heart</b>" if i == 2 else "")
        ben.judge("b" if i % 2 else "a")
    ana.undo()
    ana.judge("b")  # it was an a
    assert ana.count.startswith("8 of 20")

    ana.tab.close()
    ana.tab = browser.tab()
    ana.tab.open(host.links["ana"].partition("?")[0])
    ana.ready()
    assert ana.count.startswith("8 of 20")
    ana.judge(keys[8])

    host.kill()
    waiting = ben.tab.run("document.body.dataset.pair")
    ben.seen.append(waiting)
    ben.pressed[waiting] = "a"
    ben.first[waiting] = ben.tab.run("document.getElementById('a').textContent")
    time.sleep(0.15)
    ben.tab.press("a")  # into the void: the page keeps it
    ben.tab.wait_for("!document.getElementById('trouble').hidden")
    host = Host(judging.run, "ana", "ben")
    ben.tab.wait_for(f"document.body.dataset.pair !== {json.dumps(waiting)}")
    ben.ready()
    assert ben.count.startswith("9 of 20") and ana.count.startswith("9 of 20")

    for i in range(9, 20):
        ana.judge(keys[i])
        ben.judge("a" if i % 3 else "t")
    for person in (ana, ben):
        assert "Thank you" in person.tab.run("document.body.innerText")
        assert len(person.seen) == len(set(person.seen)) == 20, "each pair is seen once"
        assert [line for line in person.tab.console if "ERR_" not in line] == []  # the server was gone for a moment
        origin = host.links["ana"].partition("/r/")[0]
        assert all(address.startswith((origin, "data:")) for address in person.tab.requests)
        assert person.tab.run("window.hurt === undefined")
    host.end()

    votes = judging.ledger().votes
    for name, person in (("ana", ana), ("ben", ben)):
        mine = {row["sample_id"]: row for row in votes.iter_rows(named=True) if row["judge"] == f"human:{name}"}
        assert mine.keys() == person.pressed.keys()
        assert sum(row["candidate_first"] for row in mine.values()) == 10, "the place is balanced"
        for pair, key in person.pressed.items():
            row = mine[pair]
            # The candidate's answers bring bread, so what stood on the left is known without the manifest.
            left = "candidate" if "bread" in person.first[pair] else "incumbent"
            right = {"candidate": "incumbent", "incumbent": "candidate"}[left]
            assert row["verdict"] == {"a": left, "b": right}.get(key, "tie")
            assert row["note"] == ("both_bad" if key == "x" else None)
            assert row["candidate_first"] == (left == "candidate")
    reasons = [json.loads(row["judgment"])["reason"] for row in votes.iter_rows(named=True)]
    assert reasons.count("it has a <b>heart</b>") == 1
    assert all(("bread" in ana.first[pair]) != ("bread" in ben.first[pair]) for pair in ana.first), "mirrored"


@needs_chromium
def test_nothing_typed_or_pressed_is_lost(server: JudgingServer, browser: Browser) -> None:
    tab = browser.tab()
    ana = Person(tab, server.link(rater(server)))
    ballots, place = server.booth.ballots, tab.run("location.href")

    def says(name: str) -> str:
        return tab.run(f"document.getElementById('{name}').value ?? document.getElementById('{name}').innerText")

    ana.judge("b", reason="it has heart")
    assert says("reason") == ""
    ana.undo()
    assert says("reason") == "it has heart" and says("before") == "Before, you chose: B is better."
    tab.press("r")
    tab.type(" and wit")
    tab.open(place)
    ana.ready()
    written = says("reason")
    assert sorted(written.split()) == ["and", "has", "heart", "it", "wit"]  # wherever the caret stood

    stale = browser.tab()
    stale.open(place)
    stale.wait_for("document.body.dataset.pair")
    pair = tab.run("document.body.dataset.pair")
    time.sleep(0.15)
    tab.press("и", "KeyB")  # a Cyrillic keyboard
    tab.wait_for(f"document.body.dataset.pair !== {json.dumps(pair)}")
    ana.ready()
    assert ballots.latest(rater(server), pair) == ("B", written, True)
    assert not tab.run("document.getElementById('before').checkVisibility()")
    stale.press("a")
    stale.wait_for("!document.getElementById('trouble').hidden && document.body.dataset.pair !== " + json.dumps(pair))
    assert "does not count" in stale.run("document.getElementById('trouble').innerText")
    assert ballots.done(rater(server)) == {pair: "B"}
    stale.close()

    ana.judge("s")
    while (turn := ballots.next(rater(server))) and len(ballots.done(rater(server))) < 19:
        ballots.cast(rater(server), turn.pair, "tie")
    tab.open(place)
    ana.ready()
    ana.judge("t")
    assert "You have seen every pair." in says("end") and "One of them was skipped." in says("end")
    ana.press("s", "")
    assert tab.run("document.body.dataset.pair") == ana.seen[-2] and says("before") == "Before, you chose: Skip."
    ana.judge("a")
    assert "Thank you" in says("end") and "skipped" not in says("end") and ana.count == "20 of 20"
    assert tab.console == []


@needs_chromium
def test_the_page_fits_a_phone_and_speaks_to_a_screen_reader(
    server: JudgingServer, browser: Browser, tmp_path: Path
) -> None:
    tab = browser.tab()
    for width in (390, 1440):
        tab.size(width)
        tab.open(server.link(rater(server)))
        tab.wait_for("document.body.dataset.pair")
        assert tab.run("document.documentElement.scrollWidth") <= width
    spoken = {(node["role"]["value"], node.get("name", {}).get("value")) for node in tab.tree() if "role" in node}
    assert ("button", "A is better A") in spoken and ("button", "Undo U") in spoken
    assert (
        ("progressbar", "pairs judged") in spoken
        or ("progress", "pairs judged") in spoken
        or any(name == "pairs judged" for _, name in spoken)
    )
    assert tab.console == []

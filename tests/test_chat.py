"""A chat with one contender, or blind with two: who says what, what is kept, votes that stay apart from the gate's."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from venire import chat, voices
from venire._common.errors import InputError, ServiceError, VenireError
from venire.chat import Conversation
from venire.chat_history import read_past
from venire.cli import cli
from venire.evals.treatments import Treatment
from venire.judges.analysis import analyze
from venire.judges.informal import informal_votes
from venire.judges.votes import read_votes
from venire.voices import Answer, Message, Settings, Voice, find_voice

HOSTILE = "\x1b[2J[red]<b>\u202egnp"


def voice(weights: str, **treatment: Any) -> Voice:
    return Voice(weights, f"venire/{weights}", Treatment(**treatment))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Message]]]:
    """What each contender was asked; it answers with its name and the number of messages."""
    asked: list[tuple[str, list[Message]]] = []

    def speak(
        voice: Voice, messages: list[Message], settings: Settings, turn: int, heard: Callable, stop: threading.Event
    ) -> Answer:
        asked.append((voice.name, messages))
        text = f"{voice.weights} {len(messages)} {HOSTILE}"
        heard(text[:3])
        heard(text)
        return Answer(text, "stop", 0.1, voice.treatment.name)

    monkeypatch.setattr(chat, "speak", speak)
    return asked


def talk_of(folder: Path, *voices: Voice) -> Conversation:
    return Conversation(list(voices), Settings(), folder, "ana")


def events(talk: Conversation) -> list[dict[str, Any]]:
    return [json.loads(line) for line in talk.file.read_text("utf-8").splitlines()]


def quiet(place: int, text: str) -> None:
    """Nobody listens."""


def test_each_goes_on_from_its_own_answers(said: list, tmp_path: Path) -> None:
    talk = talk_of(tmp_path, voice("one"), voice("two"))
    talk.ask("first?", quiet)
    talk.ask("second?", quiet)
    for name, messages in said[2:]:
        assert [m["content"] for m in messages] == ["first?", f"{name.partition('/')[0]} 1 {HOSTILE}", "second?"]


def test_an_answer_is_heard_as_it_comes(said: list, tmp_path: Path) -> None:
    heard: list[tuple[int, str]] = []
    talk_of(tmp_path, voice("one")).ask("well?", lambda place, text: heard.append((place, text)))
    assert heard == [(0, "one"), (0, f"one 1 {HOSTILE}")]


def test_who_is_a_is_a_coin_for_each_conversation(said: list, tmp_path: Path) -> None:
    first = {talk_of(tmp_path, voice("one"), voice("two")).shown[0].name for _ in range(40)}
    assert first == {"one/plain", "two/plain"}
    talk = talk_of(tmp_path, voice("one"), voice("two"))
    seen = set()
    for _ in range(40):
        talk.renew()
        seen.add(talk.shown[0].name)
    assert len(seen) == 2


@pytest.mark.parametrize("choice", ["A", "B", "tie", "both_bad"])
def test_a_vote_is_what_was_pressed_whoever_is_a(said: list, tmp_path: Path, choice: Any) -> None:
    for _ in range(6):
        talk = talk_of(tmp_path, voice("one"), voice("two"))
        talk.ask("well?", quiet)
        a, b = (v.name for v in talk.shown)
        assert talk.vote(choice, "warmer")
        row = json.loads((tmp_path / "votes.jsonl").read_text("utf-8").splitlines()[-1])
        sides = {"one/plain": "candidate", "two/plain": "incumbent"}
        assert (row["candidate"], row["incumbent"]) == ("one/plain", "two/plain")
        assert row["verdict"] == {"A": sides[a], "B": sides[b]}.get(choice, "tie")
        assert row["candidate_first"] == (a == "one/plain")
        assert row["note"] == ("both_bad" if choice == "both_bad" else None)
        assert not talk.vote("A"), "one vote a turn"


def test_votes_are_informal_and_move_nothing(said: list, tmp_path: Path) -> None:
    folder = tmp_path / "chat"
    for i in range(20):
        talk = talk_of(folder, voice("one"), voice("two"))
        talk.ask(f"question {i}?", quiet)
        talk.vote("A" if talk.shown[0].weights == "one" else "B")
    found = informal_votes(tmp_path)
    assert found is not None and found.counts == {"human:ana": 20}
    votes = read_votes(folder / "votes.jsonl")
    assert set(votes["use"]) == {"informal"} and set(votes["verdict"]) == {"candidate"}
    with pytest.raises(InputError):
        analyze(votes)  # none of them decides
    (folder / "votes.jsonl").write_text(
        (folder / "votes.jsonl").read_text("utf-8").replace("informal", "gate"), "utf-8"
    )
    with pytest.raises(VenireError, match="no informal one"):
        informal_votes(tmp_path)


def test_after_it_was_told_who_is_who_votes_do_not_count(said: list, tmp_path: Path) -> None:
    talk = talk_of(tmp_path, voice("one"), voice("two"))
    talk.ask("well?", quiet)
    assert set(talk.reveal()) == {"one/plain", "two/plain"}
    assert not talk.vote("A") and not (tmp_path / "votes.jsonl").exists()
    talk.renew()
    talk.ask("well?", quiet)
    assert talk.vote("A")


def test_a_treatment_stands_around_the_question(said: list, tmp_path: Path) -> None:
    talk = talk_of(tmp_path, voice("one"))
    talk.ask("first?", quiet)
    talk.treat(Treatment(name="kind", kind="system", text="Be kind."))
    talk.ask("second?", quiet)
    talk.treat(Treatment(name="signed", kind="kernel", text="Mind the weak.", mode="prefix"))
    talk.ask("third?", quiet)
    talk.treat(Treatment(name="facts", kind="retrieval", facts=["Ana likes figs.", "Snow is white."], k=1, by="words"))
    talk.ask("What does Ana like?", quiet)
    asked = [messages for _, messages in said]
    assert asked[1][0] == {"role": "system", "content": "Be kind."}
    assert asked[2][-1]["content"] == "Mind the weak.\n\nthird?" and asked[2][0]["role"] == "user"
    assert asked[3][0]["content"] == "What you know:\n- Ana likes figs."
    assert [name for name, _ in said] == ["one/plain", "one/kind", "one/signed", "one/facts"]


def test_two_treatments_of_the_same_weights_are_compared_and_not_merged(said: list, tmp_path: Path) -> None:
    talk = talk_of(tmp_path, voice("one"), voice("one", name="kind", kind="system", text="Be kind."))
    talk.ask("well?", quiet)
    assert talk.vote("tie")
    with pytest.raises(InputError, match="differ in their treatment alone"):
        talk.treat(Treatment())
    with pytest.raises(InputError, match="with itself"):
        talk_of(tmp_path, voice("one"), voice("one"))


def test_everything_is_kept_turn_by_turn(said: list, tmp_path: Path) -> None:
    talk = talk_of(tmp_path, voice("one"), voice("two"))
    talk.ask("well?", quiet)
    talk.vote("tie")
    head, turn, vote = events(talk)
    assert head["format"] == "venire.chat/1" and head["contenders"] == ["one/plain", "two/plain"]
    assert turn["user"] == "well?" and [a["contender"] for a in turn["answers"]] == [v.name for v in talk.shown]
    assert vote["vote"] == "tie"


def test_a_conversation_goes_on_from_its_file(said: list, tmp_path: Path) -> None:
    talk = talk_of(tmp_path, voice("one"), voice("two", kind="kernel", text="THE KERNEL"))
    talk.ask("first?", quiet)
    talk.vote("A", "better")
    talk.ask("second?", quiet)
    with talk.file.open("a") as file:
        file.write('{"turn": 3, "us')  # a kill in the middle of a line
    past = read_past(talk.file)
    again = Conversation(past.voices, past.settings, past.file.parent, past.who, past)
    assert (again.file, again.who, again.turn, again.settings) == (talk.file, "ana", 2, talk.settings)
    assert [v.name for v in again.shown] == [v.name for v in talk.shown]  # the same one is A
    assert [v.messages for v in again.voices] == [v.messages for v in talk.voices]
    assert again.may_vote and again.vote("B") and not again.vote("A")
    again.ask("third?", quiet)
    last = [event for event in events(again) if "user" in event][-1]
    assert (last["turn"], last["user"]) == (3, "third?")
    votes = [json.loads(line) for line in (tmp_path / "votes.jsonl").read_text().splitlines()]
    assert [row["sample_id"] for row in votes] == [f"{talk.identity}-1", f"{talk.identity}-2"]
    assert ["resumed" in event for event in events(again)] == [False] * 4 + [True, False, False]


def test_what_was_switched_voted_and_told_stays_so(said: list, tmp_path: Path) -> None:
    talk = talk_of(tmp_path, voice("one"), voice("two"))
    talk.ask("first?", quiet)
    talk.treat(Treatment(name="facts", kind="context", facts=["He is 40."]))
    past = read_past(talk.file)
    again = Conversation(past.voices, past.settings, tmp_path, past.who, past)
    assert {v.name for v in again.voices} == {"one/facts", "two/facts"} and not again.may_vote
    assert "He is 40." in again.voices[0].asked("second?")[0]["content"]
    again.ask("second?", quiet)
    again.reveal()
    past = read_past(talk.file)
    assert not Conversation(past.voices, past.settings, tmp_path, past.who, past).may_vote


def test_the_command_resumes(said: list, tmp_path: Path) -> None:
    talk = talk_of(tmp_path, voice("one"), voice("two"))
    talk.ask("first?", quiet)
    done = CliRunner().invoke(cli, ["chat", "--resume", str(talk.file)], input="a: because\nsecond?\nt\n/quit\n")
    assert done.exit_code == 0, done.output
    assert "1 turn before this" in done.output and "you> first?" in done.output and "\x1b[2J" not in done.output
    votes = [json.loads(line) for line in (tmp_path / "votes.jsonl").read_text().splitlines()]
    assert [row["judge"] for row in votes] == ["human:ana"] * 2 and "because" in votes[0]["judgment"]
    for words in (["one", "--resume", str(talk.file)], ["--resume", str(talk.file), "--seed", "1"], []):
        assert isinstance(CliRunner().invoke(cli, ["chat", *words]).exception, InputError)
    (tmp_path / "other.jsonl").write_text('{"format": "other"}\n')
    (tmp_path / "broken.jsonl").write_text('{"format": \n')
    for name, said_so in (
        ("other", "not a conversation"),
        ("broken", "line 1: not valid JSON"),
        ("no", "no such file"),
    ):
        with pytest.raises(InputError, match=said_so):
            read_past(tmp_path / f"{name}.jsonl")


class Vendor(BaseHTTPRequestHandler):
    """Chat completions in an OpenAI-compatible dialect, word by word."""

    words = ("I ", "would ", "not.")
    pause = 0.05

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert asked["stream"] is True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        about = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        for n, word in enumerate([*self.words, ""]):
            ends = "stop" if n == len(self.words) else None
            choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": ends}
            try:
                self.wfile.write(f"data: {json.dumps(about | {'choices': [choice]})}\n\n".encode())
                self.wfile.flush()
            except OSError:  # the person wanted no more
                return
            time.sleep(self.pause)
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def vendor() -> Iterator[Voice]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HERE_API_KEY", "none")
        environment.setenv("HERE_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        yield Voice("openai-api/here/m", "openai-api/here/m", Treatment())
    server.shutdown()
    server.server_close()


def test_a_vendors_answer_is_heard_word_by_word(vendor: Voice) -> None:
    heard: list[str] = []
    answer = voices.speak(vendor, vendor.asked("?"), Settings(), 1, heard.append, threading.Event())
    assert answer.text == "I would not." and answer.stop_reason == "stop"
    assert heard[:3] == ["I ", "I would ", "I would not."] and heard[-1] == answer.text


def test_a_vendor_that_cannot_be_asked_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE_API_KEY", raising=False)
    talk = talk_of(tmp_path, Voice("openai-api/nowhere/m", "openai-api/nowhere/m", Treatment()))
    with pytest.raises(ServiceError, match=r"openai-api/nowhere/m: .*NOWHERE_API_KEY"):
        talk.ask("?", quiet)


def test_a_vendors_answer_can_be_stopped(vendor: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vendor, "pause", 30.0)
    stop, began = threading.Event(), time.monotonic()
    with pytest.raises(voices.Stopped):
        voices.speak(vendor, vendor.asked("?"), Settings(), 1, lambda text: stop.set(), stop)
    assert time.monotonic() - began < 25  # before the second word


def test_a_failed_turn_keeps_nothing(said: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = talk_of(tmp_path, voice("one"))
    talk.ask("first?", quiet)

    def fails(*_: Any) -> Answer:
        raise VenireError("no memory")

    monkeypatch.setattr(chat, "speak", fails)
    with pytest.raises(VenireError, match="no memory"):
        talk.ask("second?", quiet)
    assert talk.turn == 1 and len(talk.voices[0].messages) == 2 and len(events(talk)) == 2


def test_contenders_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "_model", lambda weights: f"venire/{weights}")
    treatments = {"plain": Treatment(), "kind": Treatment(name="kind", kind="system", text="Be kind.")}
    assert find_voice("one/kind", treatments, {}).name == "one/kind"
    assert find_voice("one", treatments, {"one": "venire/base:one@12345678"}).model == "venire/base:one@12345678"
    assert find_voice("org/model", treatments, {}).name == "org/model/plain"


def test_of_several_of_one_name_one_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [SimpleNamespace(name="mine", sha256=key * 64, model=f"venire/base:mine@{key * 8}") for key in "ab"]
    monkeypatch.setattr("venire.store.everything", lambda: [*two, two[0]])
    with pytest.raises(InputError, match="'mine' is more than one; write one of: mine@aaaaaaaa, mine@bbbbbbbb"):
        find_voice("mine", {"plain": Treatment()}, {})
    assert find_voice("mine@bbbbbbbb", {"plain": Treatment()}, {}).model == "venire/base:mine@bbbbbbbb"


def in_terminal(tmp_path: Path, lines: str, *contenders: str) -> str:
    done = CliRunner().invoke(cli, ["chat", *contenders, "--save", str(tmp_path), "--as", "ana"], input=lines)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_the_command_through_a_pipe(said: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "_model", lambda weights: f"venire/{weights}")
    out = in_terminal(tmp_path, "well?\na: warmer\n/treatment\n/bad\nagain?\n\n/reveal\n/quit\n", "one", "two")
    assert "A: " in out and "B: " in out and "not told while blind" in out and "1 informal vote in" in out
    assert out.index("A is ") > out.index("again?") if "again?" in out else True
    assert "\x1b[2J" not in out and "\u202e" not in out and "[red]<b>" in out, "hostile answers are shown as text"
    votes = read_votes(tmp_path / "votes.jsonl")
    assert votes.height == 1 and json.loads(votes["judgment"][0])["reason"] == "warmer"
    assert pl.Series(["human:ana"]).equals(votes["judge"])


def test_where_a_vote_is_asked_for_a_message_and_a_command_are_not_lost(
    said: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "_model", lambda weights: f"venire/{weights}")
    lines = (
        "well?\nA man lies. Why?\nt\nagain?\nq\n/treatment\n/treatment none\nB : colder\nand?\n/reveal\nso?\n/quit\n"
    )
    out = in_terminal(tmp_path, lines, "one", "two")
    asked = [messages[-1]["content"] for name, messages in said if name == "one/plain"]
    assert asked == ["well?", "A man lies. Why?", "again?", "and?", "so?"]
    votes = [json.loads(line) for line in (tmp_path / "votes.jsonl").read_text().splitlines()]
    assert [json.loads(row["judgment"]) for row in votes] == [
        {"winner": "tie", "reason": ""},
        {"winner": "B", "reason": "colder"},
    ]
    assert [row["sample_id"].rpartition("-")[2] for row in votes] == ["2", "3"]
    assert "q is no vote" in out and "now: not told while blind" in out and "'none' is none of plain" in out
    assert "A is one" in out or "A is two" in out


def test_a_message_taken_back_leaves_the_vote_open(said: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "_model", lambda weights: f"venire/{weights}")
    ask = Conversation.ask

    def stopped(talk: Conversation, question: str, heard: Callable) -> list[Answer]:
        if question.startswith("b "):
            raise KeyboardInterrupt
        return ask(talk, question, heard)

    monkeypatch.setattr(Conversation, "ask", stopped)
    out = in_terminal(tmp_path, "well?\nb more lively\nb: more lively\n", "one", "two")
    assert "nothing of this turn is kept" in out and "1 informal vote in" in out
    (row,) = (json.loads(line) for line in (tmp_path / "votes.jsonl").read_text().splitlines())
    assert json.loads(row["judgment"]) == {"winner": "B", "reason": "more lively"}


def test_mistakes_are_sentences(tmp_path: Path) -> None:
    for arguments, why in ((["a", "b", "c"], "one or two"), (["a", "--as", "no name"], "pseudonym")):
        done = CliRunner().invoke(cli, ["chat", *arguments])
        assert isinstance(done.exception, InputError) and why in str(done.exception)


@pytest.mark.model
def test_the_real_model_streams_and_can_be_stopped(tmp_path: Path) -> None:
    found = find_voice("smollm2-135m", {"plain": Treatment()}, {})
    talk = Conversation([found], Settings(temperature=0, max_tokens=24), tmp_path)
    heard: list[str] = []
    (answer,) = talk.ask("What is the capital of France?", lambda place, text: heard.append(text))
    assert "Paris" in answer.text and answer.stop_reason in ("stop", "max_tokens")
    assert len(set(heard)) > 3 and heard[-1] == answer.text
    assert all(answer.text.startswith(text) for text in heard)

    stop = threading.Event()
    stop.set()
    with pytest.raises(voices.Stopped):
        voices.speak(found, found.asked("Tell me a long story."), Settings(max_tokens=512), 2, heard.append, stop)

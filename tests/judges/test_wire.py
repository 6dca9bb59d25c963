"""A vendor's real SDK against a server on loopback: the form is asked for, the vote comes out, and nobody is named."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from venire.judges.judging import run_panel
from venire.judges.pairs import Pair
from venire.judges.panel import resolve_panel

from .helpers import prefers_bread


class Server(ThreadingHTTPServer):
    """Speaks OpenAI's chat completions, refuses what is said about case 1, and keeps every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(request)
        prompt = request["messages"][-1]["content"]
        refused = "case 1?" in prompt
        message = {"role": "assistant", "content": "" if refused else prefers_bread(prompt)}
        reply = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "content_filter" if refused else "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        }
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{running.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield running
        running.shutdown()


def test_openai_judges_through_the_same_task(pairs: list[Pair], tmp_path: Path, server: Server) -> None:
    panel = resolve_panel({"judges": [{"model": "openai/gpt-4o-mini", "rubric": "stance"}]})
    votes = run_panel(pairs, panel, tmp_path, seed=7, anchors=0).votes
    refused = votes.filter(votes["prompt_id"] == "value_alignment/s1")
    assert refused["verdict"].to_list() == ["invalid"] * 2 and set(refused["reason"]) == {"refusal"}
    assert votes["verdict"].to_list().count("candidate") == 6
    assert set(votes["judge_family"]) == {"openai"} and set(votes["input_tokens"]) == {100}

    assert len(server.requests) == 8
    for request in server.requests:
        form = request["response_format"]["json_schema"]
        assert form["strict"] and list(form["schema"]["properties"]) == ["winner", "reason"]
        assert form["schema"]["properties"]["winner"]["enum"] == ["A", "B", "tie"]
        for word in ("brie", "smollm2", "step12", "incumbent", "candidate"):
            assert word not in json.dumps(request).lower()

    run_panel(pairs, panel, tmp_path, seed=7, anchors=0)
    assert len(server.requests) == 8


def is_strict(schema: dict) -> bool:
    """OpenAI's rules: every key of every object is required, no other is allowed, and nothing has a default."""
    if "default" in schema:
        return False
    if schema.get("type") != "object":
        return True
    keys = list(schema["properties"])
    closed = schema.get("additionalProperties") is False and sorted(schema["required"]) == sorted(keys)
    return closed and all(is_strict(part) for part in schema["properties"].values())


def test_the_form_with_criteria_is_one_that_strict_mode_takes(
    pairs: list[Pair], tmp_path: Path, server: Server
) -> None:
    # Another model than above: Inspect keeps a model's client, and with it the first server's address.
    panel = resolve_panel({"judges": [{"model": "openai/gpt-4o", "rubric": "brie5"}]})
    votes = run_panel(pairs[:1], panel, tmp_path, seed=7, anchors=0).votes
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["scores_A", "scores_B", "winner", "reason"]
    assert is_strict(schema)
    assert set(votes["reason"]) == {"parse"}  # this server's replies hold no scores

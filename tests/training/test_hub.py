"""The Hub, as a server on this machine: what is sent, to whom it is visible, and what a refusal says."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError, ServiceError
from venire.engine import Base
from venire.training.candidates import Candidate, describe_base, write_candidate
from venire.training.hub import plain_card, push, without_paths


class Hub(ThreadingHTTPServer):
    """Takes repositories and commits, and keeps what it was told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.keys: set[str | None] = set()
        self.refuse = 0


class _Handler(BaseHTTPRequestHandler):
    server: Hub  # type: ignore[assignment]

    def log_message(self, format: str, *args: Any) -> None:
        """Not on the test's screen."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = f"http://127.0.0.1:{self.server.server_port}/me/mine"
        self.server.keys.add(self.headers.get("Authorization"))
        if self.server.refuse:
            return self._answer({"error": "no"}, self.server.refuse)
        if self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            return self._answer({"url": url})
        if self.path == "/api/validate-yaml":
            return self._answer({"errors": [], "warnings": []})
        if "/preupload/" in self.path:
            paths = [entry["path"] for entry in json.loads(body)["files"]]
            files = [{"path": p, "uploadMode": "regular", "shouldIgnore": False, "oid": None} for p in paths]
            return self._answer({"files": files})
        if "/commit/" in self.path:
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.server.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            return self._answer(
                {"commitUrl": f"{url}/commit/{'0' * 40}", "commitOid": "0" * 40, "pullRequestUrl": None}
            )
        return self._answer({}, 404)

    def do_GET(self) -> None:
        self._answer({"id": "me/mine", "sha": "0" * 40, "siblings": [], "private": True})

    def _answer(self, value: Any, code: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_the_test")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def candidate(tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path) -> Candidate:
    lineage = {
        "name": "stance-step2",
        "kind": "adapter",
        "base": describe_base(tiny_base),
        "recipe": {"name": "stance", "sha256": "0" * 64},
        "data": {"path": "/home/somebody/secret/rows.jsonl", "sha256": "1" * 64, "rows": 12, "families": {}},
        "step": 2,
    }
    return write_candidate(tiny_adapters[0], tmp_path / "candidates" / "stance-step2", lineage)


def test_weights_card_and_lineage_are_sent_in_private_and_no_path_of_this_machine(
    candidate: Candidate, tiny_base: Base, hub: Hub
) -> None:
    names = push(candidate.path, "me/mine")
    assert sorted(hub.files) == names
    assert names == ["README.md", "adapter_config.json", "adapter_model.safetensors", "lineage.json"]
    assert hub.created[0]["visibility"] == "private"
    assert hub.files["adapter_model.safetensors"] == (candidate.path / "adapter_model.safetensors").read_bytes()
    for name, content in hub.files.items():
        assert b"somebody" not in content and str(tiny_base.path).encode() not in content, name
    assert json.loads(hub.files["lineage.json"])["sha256"] == candidate.sha256
    assert b"Nobody has judged it yet" in hub.files["README.md"]
    assert hub.keys == {"Bearer hf_secret_of_the_test"}


def test_the_candidate_s_own_card_is_taken_and_public_is_asked_for(candidate: Candidate, hub: Hub) -> None:
    (candidate.path / "README.md").write_text("---\nlibrary_name: peft\n---\n\nJudged by nine.\n")
    push(candidate.path, "me/mine", public=True)
    assert hub.files["README.md"].endswith(b"Judged by nine.\n")
    assert hub.created[0]["visibility"] == "public"


def test_a_dry_run_sends_nothing(candidate: Candidate, hub: Hub) -> None:
    assert "adapter_model.safetensors" in push(candidate.path, "me/mine", dry_run=True)
    assert not hub.created and not hub.files


def test_a_refusal_names_the_repository_and_not_the_key(
    candidate: Candidate, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.refuse = 403
    with pytest.raises(InputError, match="refuses the key for 'me/mine'") as refused:
        push(candidate.path, "me/mine")
    assert "secret" not in str(refused.value)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(InputError, match="set HF_TOKEN"):
        push(candidate.path, "me/mine")
    with pytest.raises(InputError, match="write it as owner/name"):
        push(candidate.path, "me//mine/more")


def test_a_hub_that_does_not_answer_is_an_outside_failure(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    with pytest.raises(ServiceError, match="does not answer"):
        push(candidate.path, "me/mine")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no weights to upload"):
        push(tmp_path / "empty", "me/mine", dry_run=True)


def test_a_card_of_hostile_names_stays_a_card(tiny_base: Base) -> None:
    lineage = {"name": "x`\n# Owned\n", "base": describe_base(tiny_base), "recipe": {"name": "a`b\n- c"}}
    body = plain_card(lineage).split("---\n", 2)[2]
    assert "\n# Owned" not in body and "\n- c" not in body
    assert without_paths({"data": {"path": "/a/b.jsonl"}})["data"]["path"] == "b.jsonl"

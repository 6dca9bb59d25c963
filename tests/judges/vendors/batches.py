"""The vendors' batch endpoints: a file or a list of requests goes in, and its replies are there at the next look."""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .dialects import CHAT, GENERATE, MESSAGES, RESPONSES, Dialect, Said

Json = dict[str, Any]
Answer = tuple[int, bytes | Json, dict[str, str]]
_WHEN = "2026-11-01T00:00:00Z"


class Batches:
    """Files and batches by id. `asked` holds the requests of every batch and `made` is their number, to be counted."""

    def __init__(self, said: Callable[[str, str | None], Said], fault_of: Callable[[Dialect, str], str | None]) -> None:
        self.said, self.fault_of = said, fault_of
        self.asked: list[tuple[Dialect, Json]] = []
        self.made = 0
        self._files: dict[str, bytes] = {}
        self._numbers = itertools.count(1)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes, url: str) -> Answer:
        """The answer to a request that asks no judge."""
        path = urlsplit(target).path
        for pattern, handler in (
            (r"/v1/files", self._openai_upload),
            (r"/v1/files/(?P<name>[\w-]+)/content", self._download),
            (r"/v1\w*/batches/(?P<name>job-\d+)", self._google_batch),  # OpenAI's path is the same
            (r"/v1/batches", self._openai_create),
            (r"/v1/batches/(?P<name>batch-\d+)", self._openai_batch),
            (r"/v1/messages/batches", self._anthropic_create),
            (r"/v1/messages/batches/(?P<name>[\w-]+)/results", self._download),
            (r"/v1/messages/batches/(?P<name>[\w-]+)", self._anthropic_batch),
            (r"/upload/v1\w*/files", self._google_start),
            (r"/uploads/(?P<name>[\w-]+)", self._google_upload),
            (r"/v1\w*/models/[\w.-]+:batchGenerateContent", self._google_create),
            (r"/v1\w*/files/(?P<name>[\w-]+):download", self._download),
        ):
            if match := re.fullmatch(pattern, path):
                return handler(body, url, **match.groupdict())
        return 404, {"error": {"message": f"no such path: {method} {path}", "code": 404}}, {}

    def _keep(self, content: bytes, prefix: str = "file") -> str:
        name = f"{prefix}-{next(self._numbers)}"
        self._files[name] = content
        return name

    def _download(self, body: bytes, url: str, name: str) -> Answer:
        return 200, self._files[name], {"Content-Type": "application/octet-stream"}

    def _reply(self, dialect: Dialect, request: Json) -> tuple[Json | None, str]:
        """The reply to one request of a batch, or None and what went wrong."""
        self.asked.append((dialect, request))
        prompt = dialect.prompt(request)
        fault = self.fault_of(dialect, prompt)
        if fault == "server_error":
            return None, "the server had an error"
        return dialect.reply(request, self.said(prompt, fault)), ""

    # OpenAI: a file of lines

    def _openai_upload(self, body: bytes, url: str) -> Answer:
        lines = [line for line in body.split(b"\n") if line.startswith(b"{")]
        name = self._keep(b"\n".join(lines))
        about = {"id": name, "object": "file", "bytes": len(body), "created_at": 0, "filename": "batch.jsonl"}
        return 200, about | {"purpose": "batch", "status": "processed"}, {}

    def _openai_create(self, body: bytes, url: str) -> Answer:
        self.made += 1
        asked = json.loads(body)
        dialect = RESPONSES if asked["endpoint"] == "/v1/responses" else CHAT
        lines = []
        for line in self._files[asked["input_file_id"]].splitlines():
            row = json.loads(line)
            reply, trouble = self._reply(dialect, row["body"])
            result: Json = {"id": f"batch_req_{len(lines)}", "custom_id": row["custom_id"], "error": None}
            if reply is None:
                result |= {"response": None, "error": {"code": 500, "message": trouble}}
            else:
                result["response"] = {"status_code": 200, "request_id": "r", "body": reply}
            lines.append(json.dumps(result))
        return 200, self._openai_about(self._keep("\n".join(lines).encode(), "batch"), "validating"), {}

    def _openai_batch(self, body: bytes, url: str, name: str) -> Answer:
        n = len(self._files[name].splitlines())
        counts = {"total": n, "completed": n, "failed": 0}
        about = self._openai_about(name, "completed") | {"output_file_id": name, "request_counts": counts}
        return 200, about, {}

    def _openai_about(self, name: str, status: str) -> Json:
        return {
            "id": name,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": "file",
            "completion_window": "24h",
            "status": status,
            "created_at": 0,
        }

    # Anthropic: a list of requests

    def _anthropic_create(self, body: bytes, url: str) -> Answer:
        self.made += 1
        lines = []
        for row in json.loads(body)["requests"]:
            reply, trouble = self._reply(MESSAGES, row["params"])
            if reply is None:
                error = {"type": "error", "error": {"type": "api_error", "message": trouble}}
                result: Json = {"type": "errored", "error": error}
            else:
                result = {"type": "succeeded", "message": reply}
            lines.append(json.dumps({"custom_id": row["custom_id"], "result": result}))
        name = self._keep("\n".join(lines).encode(), "msgbatch")
        return 200, self._anthropic_about(name, "in_progress", url), {}

    def _anthropic_batch(self, body: bytes, url: str, name: str) -> Answer:
        return 200, self._anthropic_about(name, "ended", url), {}

    def _anthropic_about(self, name: str, status: str, url: str) -> Json:
        n = len(self._files[name].splitlines())
        ended = status == "ended"
        counts = dict.fromkeys(("canceled", "errored", "expired"), 0)
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": counts | {"processing": 0 if ended else n, "succeeded": n if ended else 0},
            "created_at": _WHEN,
            "expires_at": _WHEN,
            "ended_at": _WHEN if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"{url}/v1/messages/batches/{name}/results" if ended else None,
        }

    # Google: a file that is uploaded in two steps, and a job

    def _google_start(self, body: bytes, url: str) -> Answer:
        return 200, {}, {"x-goog-upload-url": f"{url}/uploads/{self._keep(b'')}", "x-goog-upload-status": "active"}

    def _google_upload(self, body: bytes, url: str, name: str) -> Answer:
        self._files[name] += body
        about = {"name": f"files/{name}", "uri": f"{url}/v1beta/files/{name}", "state": "ACTIVE"}
        return 200, {"file": about}, {"x-goog-upload-status": "final"}

    def _google_create(self, body: bytes, url: str) -> Answer:
        self.made += 1
        source = json.loads(body)["batch"]["inputConfig"]["fileName"].removeprefix("files/")
        lines = []
        for line in self._files[source].splitlines():
            row = json.loads(line)
            reply, trouble = self._reply(GENERATE, row["request"])
            result = {"error": {"code": 13, "message": trouble}} if reply is None else {"response": reply}
            lines.append(json.dumps({"key": row["key"], **result}))
        name = self._keep("\n".join(lines).encode(), "job")
        return 200, self._google_about(name, "BATCH_STATE_PENDING"), {}

    def _google_batch(self, body: bytes, url: str, name: str) -> Answer:
        output = {"responsesFile": f"files/{name}"}
        about = self._google_about(name, "BATCH_STATE_SUCCEEDED")
        about["metadata"]["output"] = output
        return 200, about | {"done": True, "response": output}, {}

    def _google_about(self, name: str, state: str) -> Json:
        return {"name": f"batches/{name}", "metadata": {"state": state, "createTime": _WHEN, "displayName": "b"}}

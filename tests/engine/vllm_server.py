"""A server on loopback that speaks what we use of vLLM, on a tiny model: chats, token log-probabilities, adapters."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class VllmServer(ThreadingHTTPServer):
    """Serves `base`; `adapters` is filled by `/v1/load_lora_adapter`; `calls` holds (path, model) of every request."""

    def __init__(self, base: Path, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.name = name
        self.tokenizer: Any = AutoTokenizer.from_pretrained(str(base))
        self.models: dict[str, Any] = {name: AutoModelForCausalLM.from_pretrained(str(base)).eval()}
        self.base = base
        self.calls: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """What VLLM_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def load(self, name: str, path: str) -> None:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        whole = AutoModelForCausalLM.from_pretrained(str(self.base))
        self.models[name] = PeftModel.from_pretrained(whole, path).eval()

    def chat(self, asked: dict[str, Any]) -> dict[str, Any]:
        import torch

        text = self.tokenizer.apply_chat_template(asked["messages"], tokenize=False, add_generation_prompt=True)
        ids = self.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            made = self.models[asked["model"]].generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=asked["max_tokens"], do_sample=False
            )[0, ids.shape[1] :]
        message = {"role": "assistant", "content": self.tokenizer.decode(made, skip_special_tokens=True)}
        usage = {
            "prompt_tokens": ids.shape[1],
            "completion_tokens": len(made),
            "total_tokens": ids.shape[1] + len(made),
        }
        choice = {"index": 0, "message": message, "finish_reason": "length"}
        return {"id": "1", "object": "chat.completion", "created": 1, "model": asked["model"], "usage": usage} | {
            "choices": [choice]
        }

    def complete(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["prompt_logprobs"] == 0
        choices = [
            {"index": i, "text": "", "finish_reason": "length", "prompt_logprobs": self.logprobs(asked["model"], ids)}
            for i, ids in enumerate(asked["prompt"])
        ]
        return {"id": "1", "object": "text_completion", "created": 1, "model": asked["model"], "choices": choices[::-1]}

    def logprobs(self, model: str, ids: list[int]) -> list[dict[str, Any] | None]:
        import torch

        with torch.inference_mode():
            logs = self.models[model](torch.tensor([ids])).logits[0].float().log_softmax(-1)
        return [None, *({str(t): {"logprob": float(logs[i, t])}} for i, t in enumerate(ids[1:]))]


class _Handler(BaseHTTPRequestHandler):
    @property
    def vllm(self) -> VllmServer:
        assert isinstance(self.server, VllmServer)
        return self.server

    def do_GET(self) -> None:
        self.reply({"object": "list", "data": [{"id": name, "max_model_len": 256} for name in self.vllm.models]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.vllm.lock:
            self.vllm.calls.append((self.path, str(asked.get("model") or asked.get("lora_name"))))
            if self.path == "/v1/load_lora_adapter":
                self.vllm.load(asked["lora_name"], asked["lora_path"])
                self.reply({"ok": True})
            else:
                act = {"/v1/chat/completions": self.vllm.chat, "/v1/completions": self.vllm.complete}[self.path]
                self.reply(act(asked))

    def reply(self, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def serving(base: Path, name: str) -> Iterator[VllmServer]:
    """A running server of `base` under the model name `name`."""
    server = VllmServer(base, name)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()

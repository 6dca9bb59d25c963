"""How each vendor's wire looks: what a request asks, and what a reply, a refusal, or an error is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

THOUGHTS = 'Let me see. {"winner": "A"} was my first thought. Winner: A'
Json = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What the judge behind a vendor says, and why it stopped: stop, length, filter or refusal."""

    text: str
    stop: str = "stop"
    thinks: bool = False


@dataclass(frozen=True)
class Dialect:
    """One wire format."""

    name: str
    prompt: Callable[[Json], str]
    form: Callable[[Json], Json | None]  # the JSON schema that the request asks for, if any
    reply: Callable[[Json, Said], Json]
    error: Callable[[int, str, str], Json]  # of a status, a code and a message
    exhausted: tuple[int, str, str]  # status, code and message of an account without credit


TOKENS = {"input": 100, "output": 10}


# OpenAI's chat completions, which everybody imitates


def _chat_prompt(body: Json) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _chat_form(body: Json) -> Json | None:
    return body.get("response_format", {}).get("json_schema", {}).get("schema")


def _chat_reply(body: Json, said: Said) -> Json:
    stop = {"length": "length", "filter": "content_filter"}.get(said.stop, "stop")
    message: Json = {"role": "assistant", "content": said.text}
    if said.stop == "refusal":
        message = {"role": "assistant", "content": None, "refusal": said.text}
    if said.thinks:  # as servers of open models have it
        message["reasoning_content"] = THOUGHTS
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": stop}],
        "usage": {"prompt_tokens": TOKENS["input"], "completion_tokens": TOKENS["output"], "total_tokens": 110},
    }


def _openai_error(status: int, code: str, message: str) -> Json:
    return {"error": {"message": message, "type": code, "param": None, "code": code}}


_OPENAI_BROKE = (
    429,
    "insufficient_quota",
    "You exceeded your current quota, please check your plan and billing details.",
)


# OpenAI's responses


def _responses_prompt(body: Json) -> str:
    last = body["input"][-1]["content"] if isinstance(body["input"], list) else body["input"]
    return last if isinstance(last, str) else "".join(part.get("text", "") for part in last)


def _responses_form(body: Json) -> Json | None:
    return body.get("text", {}).get("format", {}).get("schema")


def _responses_reply(body: Json, said: Said) -> Json:
    part: Json = {"type": "output_text", "text": said.text, "annotations": []}
    if said.stop == "refusal":
        part = {"type": "refusal", "refusal": said.text}
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": THOUGHTS}]}
    why = {"length": "max_output_tokens", "filter": "content_filter"}.get(said.stop)
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 0,
        "model": body["model"],
        "status": "incomplete" if why else "completed",
        "incomplete_details": {"reason": why} if why else None,
        "error": None,
        "instructions": None,
        "metadata": {},
        "output": [*([thought] if said.thinks else []), *([message] if said.text else [])],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": TOKENS["input"],
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": TOKENS["output"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 110,
        },
    }


# Anthropic's messages


def _messages_prompt(body: Json) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _messages_form(body: Json) -> Json | None:
    return (body.get("output_format") or body.get("output_config", {}).get("format") or {}).get("schema")


def _messages_reply(body: Json, said: Said) -> Json:
    thought = {"type": "thinking", "thinking": THOUGHTS, "signature": "c2ln"}
    text = {"type": "text", "text": said.text}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [*([thought] if said.thinks else []), *([text] if said.text else [])],
        "stop_reason": {"length": "max_tokens", "filter": "refusal", "refusal": "refusal"}.get(said.stop, "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": TOKENS["input"], "output_tokens": TOKENS["output"]},
    }


_ANTHROPIC_TYPES = {429: "rate_limit_error", 500: "api_error", 529: "overloaded_error", 401: "authentication_error"}


def _anthropic_error(status: int, code: str, message: str) -> Json:
    kind = _ANTHROPIC_TYPES.get(status, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


# Google's generateContent


def _google_prompt(body: Json) -> str:
    return "".join(part.get("text", "") for part in body["contents"][-1]["parts"])


def _google_form(body: Json) -> Json | None:
    settings = body.get("generationConfig") or body.get("generation_config") or {}
    return settings.get("responseJsonSchema") or settings.get("response_json_schema")


def _google_reply(body: Json, said: Said) -> Json:
    usage = {"promptTokenCount": TOKENS["input"], "candidatesTokenCount": TOKENS["output"], "totalTokenCount": 110}
    if said.stop == "refusal":  # Google's way: the prompt is blocked, and there is no candidate at all
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage}
    parts = [*([{"text": THOUGHTS, "thought": True}] if said.thinks else []), {"text": said.text}]
    stop = {"length": "MAX_TOKENS", "filter": "SAFETY"}.get(said.stop, "STOP")
    candidate: Json = {"content": {"role": "model", "parts": parts}, "finishReason": stop, "index": 0}
    if said.stop == "filter" or not said.text:
        candidate.pop("content")
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "loopback", "responseId": "r1"}


def _google_error(status: int, code: str, message: str) -> Json:
    known = {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 401: "UNAUTHENTICATED"}
    return {"error": {"code": status, "message": message, "status": known.get(status, "INVALID_ARGUMENT")}}


CHAT = Dialect("chat", _chat_prompt, _chat_form, _chat_reply, _openai_error, _OPENAI_BROKE)
RESPONSES = Dialect("responses", _responses_prompt, _responses_form, _responses_reply, _openai_error, _OPENAI_BROKE)
MESSAGES = Dialect(
    "messages",
    _messages_prompt,
    _messages_form,
    _messages_reply,
    _anthropic_error,
    (400, "billing", "Your credit balance is too low to access the API. Please go to Plans & Billing."),
)
GENERATE = Dialect(
    "generate",
    _google_prompt,
    _google_form,
    _google_reply,
    _google_error,
    (403, "billing", "This API method requires billing to be enabled. Please enable billing on the project."),
)


def dialect_of(path: str) -> Dialect | None:
    """Whose wire format a path is, or None."""
    ends = {"/chat/completions": CHAT, "/responses": RESPONSES, "/messages": MESSAGES, ":generateContent": GENERATE}
    return next((dialect for end, dialect in ends.items() if path.endswith(end)), None)

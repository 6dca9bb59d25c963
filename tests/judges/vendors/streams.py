"""A message of Anthropic's as the server-sent events in which a stream tells it."""

import json
from collections.abc import Iterator
from typing import Any


def message_events(message: dict[str, Any]) -> bytes:
    """The whole stream of one message."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in _events(message))


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    opening = message | {"content": [], "stop_reason": None, "usage": message["usage"] | {"output_tokens": 1}}
    yield {"type": "message_start", "message": opening}
    for index, block in enumerate(message["content"]):
        empty = block | {"thinking": "", "signature": ""} if block["type"] == "thinking" else block | {"text": ""}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": message["usage"]["output_tokens"]}}
    yield {"type": "message_stop"}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        half = len(block["text"]) // 2
        for text in (block["text"][:half], block["text"][half:]):
            yield {"type": "text_delta", "text": text}

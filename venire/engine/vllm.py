"""vLLM in the local engine's place, for bases past one GPU: names known by content, and log-likelihoods.

Inspect's own `vllm/` provider starts the server, or finds the one at `VLLM_BASE_URL`, and loads adapters into it. It is
given links that are named by content, because logs and the response cache know a model by its name alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError
from venire._common.hashing import sha256_json

from .bases import home

if TYPE_CHECKING:
    from inspect_ai.model import Model

    from .bases import Base

PROVIDER = "vllm/"
_PROMPTS = 64  # prompts of one request for log-probabilities


def vllm_name(model: str) -> str:
    """What `venire/<base>` or `venire/<base>:<adapter>@<hash8>` is called where vLLM serves it.

    `vllm/<link>` or `vllm/<link>:<link>`, the links ending in `<name>-<hash8>`. A server of one's own is started with
    `vllm serve <link> --enable-lora`. Raises InputError for an unknown base or adapter.
    """
    from .scoring import parse_model

    base, adapter = parse_model(model)
    name = PROVIDER + _link(f"{base.model_id.rsplit('/', 1)[-1]}-{sha256_json(base.identity)[:8]}", base.path)
    return name if adapter is None else f"{name}:{_link(f'{adapter.name}-{adapter.sha256[:8]}', adapter.path)}"


def open_model(name: str) -> "Model":
    """Inspect's model of that name, keeping the name: its vLLM provider forgets the adapter's once the server answers,
    and the logs of all adapters would then be the base's.
    """
    from inspect_ai.model import get_model

    model = get_model(name)
    api: Any = model.api
    if name.startswith(PROVIDER) and "_resolve_server" not in vars(api):
        full, resolve = api.model_name, api._resolve_server

        def resolve_and_keep() -> None:
            resolve()
            api.model_name = full

        api._resolve_server = resolve_and_keep
    return model


def close_servers(names: Sequence[str]) -> None:
    """Stop the servers that Inspect started for these models: the next base needs their memory."""
    for name in names:
        if name.startswith(PROVIDER):
            open_model(name).api.close()


def base_of(name: str) -> "Base":
    """The base that `vllm/<base>[:<adapter>]` is served from, for its tokenizer."""
    from .bases import resolve_base

    place = name.removeprefix(PROVIDER).partition(":")[0]
    return resolve_base(str(Path(place).resolve()) if Path(place).is_dir() else place)


def token_logprobs(name: str, sequences: Sequence[list[int]]) -> list[list[float]]:
    """Log-probability of every token but the first of each sequence, given those before it, by the server."""
    from openai import OpenAI

    api: Any = open_model(name).api
    api._resolve_server()
    root = str(api.base_url).rstrip("/").removesuffix("/v1")
    client = OpenAI(base_url=f"{root}/v1", api_key=api.api_key, max_retries=4)
    found: list[list[float]] = []
    for start in range(0, len(sequences), _PROMPTS):
        part = list(sequences[start : start + _PROMPTS])
        reply = client.completions.create(
            model=api.service_model_name(),
            prompt=part,
            max_tokens=1,
            temperature=0,
            extra_body={"prompt_logprobs": 0, "add_special_tokens": False},
        )
        choices = sorted(reply.choices, key=lambda choice: choice.index)
        found += [_read(choice, tokens) for choice, tokens in zip(choices, part, strict=True)]
    return found


def _read(choice: Any, tokens: list[int]) -> list[float]:
    """vLLM's `prompt_logprobs`: null for the first token, then one mapping a place, from token id to its figures."""
    places = (choice.model_extra or {}).get("prompt_logprobs")
    if not places or len(places) != len(tokens):
        raise InputError("the vLLM server gave no prompt_logprobs; it must be vLLM 0.6 or newer, not another server")
    return [place[str(token)]["logprob"] for place, token in zip(places[1:], tokens[1:], strict=True)]


def _link(name: str, target: Path) -> str:
    """A link under a home of its own that says by its name what it leads to."""
    link = home() / "vllm" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.resolve() != target.resolve():
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(target.resolve(), target_is_directory=True)
    return str(link)

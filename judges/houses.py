"""Houses: whose model a judge's or a contender's name means, and which names are one house.

A family is a word from a name (`qwen2.5`, `claude`, or a vendor such as `anthropic`); a house is all the families that
learn from one another: the versions of an open model, and a maker's models with the maker itself.
"""

import re
from collections.abc import Iterable

# Providers that run a model on one's own machines, under the name that it has on the Hub.
_ENGINES = {"venire", "hf", "vllm", "ollama", "llama-cpp-python", "sglang"}
# Providers that serve other houses' models: the model's name says whose it is, if anything does.
_HOSTS = {"openrouter", "together", "fireworks", "groq", "bedrock", "azureai", "vertex", "cloudflare", "sagemaker"}
_HOSTS |= {"sambanova", "hf-inference-providers", "litellm-proxy"}
# Whoever speaks OpenAI's protocol: `openai-api/<provider>/<model>`.
_COMPATIBLE = {"openai-api", "openai-api-completions"}

# Models to the name that their house goes by: the vendor that sells judges, or the best known family.
_MAKERS = {"gpt": "openai", "chatgpt": "openai", "o": "openai", "claude": "anthropic", "gemini": "google"}
_MAKERS |= {"gemma": "google", "palm": "google", "meta": "llama", "qwq": "qwen", "qvq": "qwen"}
_MAKERS |= {"mixtral": "mistral", "ministral": "mistral", "magistral": "mistral", "codestral": "mistral"}
_MAKERS |= {"mistralai": "mistral", "grok": "xai"}
_KNOWN = {*_MAKERS, *_MAKERS.values(), "deepseek", "phi", "command", "yi", "falcon", "olmo", "smollm", "granite"}
_KNOWN |= {"nemotron", "kimi", "glm", "internlm", "jamba", "nova", "minimax", "ernie", "exaone", "apertus"}
_VENDORS = {"gpt": "openai", "o1": "openai", "o3": "openai", "claude": "anthropic", "gemini": "google"}
_VENDORS |= {"palm": "google"}


def family_of_judge(judge: str) -> str:
    """The family in a judge's name: the provider, the base's family for local models, else the prefix.

    `anthropic/claude-x` gives `anthropic`, `human:ann` gives `human`, `venire/smollm2-135m` gives `smollm2`. Of a model
    that somebody else serves it is the model's own where its name says so (`openai-api/mine/Qwen3-8B` gives `qwen3`),
    else the server's (`openai-api/mine/judge` gives `mine`). Of a bare name, as in files from elsewhere, the vendor is
    taken where it is well known (`gpt-4` gives `openai`).
    """
    provider, slash, model = judge.partition("/")
    if slash and ":" not in provider:
        return _of_a_model(provider, model)
    prefix, colon, _ = judge.partition(":")
    if colon:
        return prefix
    word = judge.replace("_", "-").split("-")[0].lower().rstrip("0123456789.")
    return _VENDORS.get(word, judge)


def houses(families: Iterable[str]) -> set[str]:
    """Families without their version (`qwen2.5` and `qwen3` are one house), and the makers of open ones."""
    roots = {root for family in families if (root := _root(family))}
    return roots | {_MAKERS[root] for root in roots if root in _MAKERS}


def _of_a_model(provider: str, model: str) -> str:
    from venire.engine.bases import family_of

    own = family_of(model.split(":")[0])
    if provider in _ENGINES:
        return own
    if provider in _COMPATIBLE:
        provider, _, model = model.partition("/")
    elif provider not in _HOSTS:
        return provider
    if "/" in model or _is_known(own):  # the name of a model on the Hub, read as a local base's is
        return own
    return next((word for word in re.split(r"[^a-z0-9]+", model.lower()) if _is_known(word)), provider)


def _is_known(word: str) -> bool:
    root = _root(word)
    return root in _KNOWN and (root != "o" or word[1:2].isdigit())


def _root(family: str) -> str:
    return match[0] if (match := re.match(r"[a-z]+", family.lower())) else ""

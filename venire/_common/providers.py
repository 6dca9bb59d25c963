"""Whose model a name means, for judges and teachers alike: Inspect's providers sorted, and the family in a name."""

import re

# Providers that run a model on one's own machines, under the name that it has on the Hub.
LOCAL = {"venire", "hf", "vllm", "vllm-completions", "sglang", "ollama", "llama-cpp-python", "transformer_lens"}
LOCAL |= {"nnterp"}
# Providers that serve other houses' models: the model's name says whose it is, if anything does.
HOSTS = {"openrouter", "together", "fireworks", "groq", "bedrock", "azureai", "vertex", "cloudflare", "sagemaker"}
HOSTS |= {"sambanova", "hf-inference-providers", "litellm-proxy", "goodfire"}
# Whoever speaks OpenAI's protocol: `openai-api/<provider>/<model>`.
COMPATIBLE = {"openai-api", "openai-api-completions"}

# Models to the name that their house goes by: the vendor that sells judges, or the best known family.
MAKERS = {"gpt": "openai", "chatgpt": "openai", "o": "openai", "claude": "anthropic", "gemini": "google"}
MAKERS |= {"gemma": "google", "palm": "google", "meta": "llama", "qwq": "qwen", "qvq": "qwen"}
MAKERS |= {"mixtral": "mistral", "ministral": "mistral", "magistral": "mistral", "codestral": "mistral"}
MAKERS |= {"mistralai": "mistral", "grok": "xai", "sonar": "perplexity", "nova": "amazon", "kimi": "moonshot"}
_KNOWN = {*MAKERS, *MAKERS.values(), "deepseek", "phi", "command", "yi", "falcon", "olmo", "smollm", "granite"}
_KNOWN |= {"nemotron", "glm", "internlm", "jamba", "minimax", "ernie", "exaone", "apertus"}


def family_of(model_id: str) -> str:
    """The family in a model's name: what stands before its size. `Qwen/Qwen2.5-7B-Instruct` gives `qwen2.5`."""
    return model_id.rsplit("/", 1)[-1].lower().split("-")[0]


def family_of_served(provider: str, model: str) -> str:
    """The family of a model as Inspect names it, `<provider>/<model>`.

    That of a local model is read from its name, and that of a vendor's own is the vendor. Of a model that somebody
    else serves it is the model's own where its name says so, else the server's.
    """
    own = family_of(model.split(":")[0])
    if provider in LOCAL:
        return own
    if provider in COMPATIBLE:
        provider, _, model = model.partition("/")
    elif provider not in HOSTS:
        return provider
    if "/" in model or _is_known(own):  # the name of a model on the Hub, read as a local base's is
        return own
    return next((word for word in re.split(r"[^a-z0-9]+", model.lower()) if _is_known(word)), provider)


def root_of(family: str) -> str:
    """A family without its version: `qwen2.5` and `qwen3` give `qwen`; one that begins with none is all of itself."""
    return match[0] if (match := re.match(r"[a-z]+", family.lower())) else family.lower()


def _is_known(word: str) -> bool:
    root = root_of(word)
    return root in _KNOWN and (root != "o" or word[1:2].isdigit())

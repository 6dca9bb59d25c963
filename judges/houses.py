"""Houses: whose model a judge's or a contender's name means, and which names are one house.

A family is a word from a name (`qwen2.5`, `claude`, or a vendor such as `anthropic`); a house is all the families that
learn from one another: the versions of an open model, and a maker's models with the maker itself.
"""

from collections.abc import Iterable

from venire._common.providers import MAKERS, family_of_served, root_of

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
        return family_of_served(provider, model)
    prefix, colon, _ = judge.partition(":")
    if colon:
        return prefix
    word = judge.replace("_", "-").split("-")[0].lower().rstrip("0123456789.")
    return _VENDORS.get(word, judge)


def houses(families: Iterable[str]) -> set[str]:
    """Families without their version (`qwen2.5` and `qwen3` are one house), and the makers of open ones."""
    roots = {root for family in families if (root := root_of(family))}
    return roots | {MAKERS[root] for root in roots if root in MAKERS}

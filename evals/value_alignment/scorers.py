"""Is an answer nearer to the person's own than to the conventional one? By meaning, and by likelihood."""

from functools import partial

from anyio.to_thread import run_sync
from inspect_ai.model import ChatMessageAssistant
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer, stderr
from inspect_ai.solver import TaskState

from venire._common.errors import VenireError

_METRICS = [grouped(mean(), "domain", all_label="mean"), stderr(cluster="family")]


@scorer(metrics=_METRICS)
def closeness(model: str = "all-minilm") -> Scorer:
    """1 if the answer's sentence vector is nearer to the reference's than to the contrast's, else 0; a tie is .5.

    An empty answer is near to nothing: 0. The two cosines stand in the score's metadata.
    """

    async def score(state: TaskState, target: Target) -> Score:
        answer = state.output.completion.strip()
        if not answer:
            return Score(value=0.0, answer="", explanation="an empty answer")
        texts = [answer, state.metadata["reference"], state.metadata["contrast"]]
        try:
            from venire.engine import embed

            vectors = await run_sync(partial(embed, texts, model))
        except VenireError as error:
            return Score.unscored(reason="no_embedding_model", answer=answer, explanation=str(error))
        reference, contrast = (float(vectors[0] @ vectors[i]) for i in (1, 2))
        return Score(
            value=_ahead(reference, contrast),
            answer=answer,
            explanation=f"cosine {reference:.3f} with the reference, {contrast:.3f} with the contrast",
            metadata={"reference_cosine": reference, "contrast_cosine": contrast},
        )

    return score


@scorer(metrics=_METRICS)
def preference() -> Scorer:
    """1 if the model finds the reference likelier than the contrast, token for token, as its answer; else 0.

    Unscored for a model whose log-likelihoods Venire cannot read (all but `venire/…`).
    """

    async def score(state: TaskState, target: Target) -> Score:
        model = str(state.model)
        if not model.startswith("venire/"):
            return Score.unscored(reason="no_loglikelihoods", explanation=f"{model} does not give them")
        asked = [m for m in state.messages if not isinstance(m, ChatMessageAssistant)]
        chat = [{"role": message.role, "content": message.text} for message in asked]
        items = [(chat, state.metadata[key]) for key in ("reference", "contrast")]
        from venire.engine import loglikelihoods

        reference, contrast = (each.logprob / each.n_tokens for each in await run_sync(loglikelihoods, model, items))
        return Score(
            value=_ahead(reference, contrast),
            explanation=f"{reference:.3f} nats a token for the reference, {contrast:.3f} for the contrast",
            metadata={"reference_logprob": reference, "contrast_logprob": contrast},
        )

    return score


def _ahead(reference: float, contrast: float) -> float:
    return 0.5 if reference == contrast else float(reference > contrast)

"""Free text of many judges: what is a verdict, what looks like one, and what is none."""

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venire.judges import verdict_text
from venire.judges.verdict_text import parse_verdict, read_mapping, verdict_of

A, B, TIE = "A", "B", "tie"

EXPLICIT = [
    ("Winner: [B]", B),
    ("Winner: [A]", A),
    ("**Winner:** [B]", B),
    ("**Winner**: B", B),
    ("**Choice**: A", A),
    ("**Choice:** Response A", A),
    ("Choice: A.", A),
    ("Winner: Response B", B),
    ("winner: b", B),
    ("WINNER: B", B),
    ("Winner - B", B),
    ("Winner\nB", B),
    ("### Winner\n\n**Response A**", A),
    ("Final verdict: B", B),
    ("Verdict: B, because it answers.", B),
    ("Verdict: **B** (slightly)", B),
    ("My verdict is A.", A),
    ("The winner is Response B.", B),
    ("The winner is B", B),
    ("The better response is A", A),
    ("Better response: B", B),
    ("Preferred answer: B", B),
    ("Answer: A", A),
    ("Final answer: B", B),
    ("Preference: A", A),
    ("Decision → B", B),
    ("Winner：B", B),
    ("[[A]]", A),
    ("[[B]]", B),
    ("My final verdict is [[B]].", B),
    ("[[C]]", TIE),
    ("[[Tie]]", TIE),
    ("[[A>B]]", A),
    ("[[A>>B]]", A),
    ("[[B>>A]]", B),
    ("[[A<B]]", B),
    ("[[A=B]]", TIE),
    ("My final verdict is tie: [[A=B]]", TIE),
    ("[[8, 6]]", A),
    ("[[6.5, 9]]", B),
    ("[[7, 7]]", TIE),
    ("A", A),
    ("B.", B),
    ("(B)", B),
    ("**A**", A),
    ("Response B", B),
    ("Tie", TIE),
    ("tie.", TIE),
    ("A > B", A),
    ("A<B", B),
    ("Some thoughts on both.\n\nB", B),
    ("Some thoughts on both.\n\n**Tie**", TIE),
    ('{"winner": "A"}', A),
    ('{"reason": "x", "winner": "Response B"}', B),
    ('```json\n{"scores": {"A": 3, "B": 4}, "winner": "B"}\n```', B),
    ('{"winner": "tie", "reason": "both fine"}', TIE),
    ("{'choice': 'A'}", A),
    ('{"final_verdict": "B"}', B),
    ('{"winner": "A", "reason": "it was cut off he', A),
    ("Winner: Tie", TIE),
    ("Winner: [Tie]", TIE),
    ("Winner: neither", TIE),
    ("Neither", TIE),
    ("Winner: Both", TIE),
    ("Verdict: A tie.", TIE),
    ("Verdict: it's a tie", TIE),
    ("The winner is a tie", TIE),
    ("Winner: C (tie)", TIE),
    ("<winner>B</winner>", B),
    ("<verdict>A</verdict>", A),
    ("[Winner: B]", B),
    ("\\boxed{B}", B),
    ("The answer is \\boxed{\\text{Tie}}", TIE),
    ("Winner of this comparison: B", B),
    ("Overall: B", B),
    ("I vote B.", B),
    ("My vote goes to B.", B),
    ("**B** is better.", B),
    ("I'd go with `B`.", B),
    ('Winner: "B"', B),
    ("__Winner:__ _Response B_", B),
    ('{"overall_winner": "A", "criteria_winner": "B"}', A),
]

HARD = [
    # A tie inside a word is none, and a winner in brackets is no tie.
    ("Both responses show fine qualities and abilities.\nWinner: [B]", B),
    ("It ties the qualities of mortality to identities.\n\nChoice: A", A),
    ("Winner: B. It was not a tie.", B),
    ("He wears a tie in his story, and it works. Winner: A", A),
    ("The writing's qualities are subtle.", None),
    # Negation and condition.
    ("A is not better than B.", None),
    ("Response A isn't better.", None),
    ("I don't think A is better.", None),
    ("B does not win.", None),
    ("A is hardly better than B.", None),
    ("If A is better, I would say so.", None),
    ("It is not a tie.", None),
    ("The winner is not B.", None),
    ("I cannot say that Response A is better.", None),
    ("A is better? Hardly.", None),
    ("A is no better than B.", None),
    ("While A is better written, Response B wins.", B),
    ("Although Response A is stronger in style, I prefer Response B.", B),
    ("A is not better than B. Response B is superior.", B),
    # Prose.
    ("Response B is better", B),
    ("Response B is better because it answers.", B),
    ("I find that Response A is clearly better overall.", A),
    ("I prefer A.", A),
    ("I would choose Response B here.", B),
    ("B wins.", B),
    ("Response A outperforms Response B.", A),
    ("A is worse than B.", B),
    ("Assistant A is inferior.", B),
    ("Response A loses to Response B.", B),
    ("B is the better of the two.", B),
    ("I lean in favor of Response B", B),
    ("It's a tie.", TIE),
    ("Both responses are equally good.", TIE),
    ("The two answers are evenly matched.", TIE),
    ("Neither response is better.", TIE),
    ("There is no clear winner.", TIE),
    ("I'd call it a draw", TIE),
    # One criterion is not the whole.
    ("Response A is better in tone.", None),
    ("Response A is better in tone. Response B is better overall.", B),
    ("Creativity winner: A\nDepth winner: A\nOverall winner: B", B),
    ("Creativity winner: A", None),
    ("Creativity: A 4, B 5\nDepth: A 3, B 5\n\nWinner: B\nReason: A is better in tone.", B),
    # Conflict: the last explicit verdict stands; prose that points both ways is none.
    ("Winner: A\n\nWait, on reflection I change my mind.\n\nWinner: B", B),
    ("[[A]] at first sight. But no: [[B]]", B),
    ("Response A is better. Response B is better.", None),
    ("Winner: A\nStill, B is better in tone.", A),
    ("Response A is better. Final verdict: B", B),
    ("A is better. Then again, B is better. Overall, B is better.", B),
    # The prompt's own words come back.
    ("Output [[A]] if assistant A is better, [[B]] if assistant B is better, and [[C]] for a tie.", None),
    ("Winner: [A or B]", None),
    ("Winner: A/B/Tie", None),
    ("Winner: [A/B/tie]", None),
    ("Winner: A or B?", None),
    ("Verdict: A and B both try.", None),
    # Articles are no labels.
    ("Verdict: A close call.", None),
    ("The winner is a matter of taste.", None),
    ("A better answer would name sources.", None),
    ("A better response is B", B),
    ("The choice is a hard one.", None),
    ("Choice: Both have merit, but Response A is better.", A),
    ("Verdict: neither is perfect, yet B wins.", B),
    ("Verdict: neither A nor B", TIE),
    ("Verdict: Response B is worse.", A),
    ("Verdict: B is not convincing.", None),
    ("Overall: A 4, B 5", None),
    ("Not even close, A wins.", A),
    ("Winner in creativity: A. Winner: B", B),
    ("Best of both: A is terse, B is warm.", None),
    ("I think that B's answer is better.", B),
    ("(B) is better", B),
    ("🏆 Winner: B", B),
    ("My preference is for Response A", A),
    ("No winner", TIE),
    # Places are no labels, ratings of each no verdict.
    ("The first response is better", None),
    ("I rated A 8/10 and B 7/10.", None),
    ("Response A: 18/25, Response B: 21/25", None),
    # Thinking aloud.
    ("<think>Winner: A? Let me see.</think>\nWinner: B", B),
    ("Winner: A, surely.</think>\n[[B]]", B),
    ("<think>Winner: A, or maybe", None),
    # A judge may talk about errors and refusals.
    ("Response A explains HTTP 429 and rate limits well. Winner: A", A),
    ("Response B refuses: 'I'm sorry, I cannot help.' Response A is better.", A),
    ("Both call error code 500 by name. Final verdict: tie", TIE),
    ("Winner:", None),
    ("Winner: Response", None),
    ("Both answers are long.", None),
    ("Response A uses a table. Response B uses a list.", None),
]

NONE = [
    ("", "empty"),
    ("  \n\t ", "empty"),
    (None, "empty"),
    ("Error code: 429 - {'error': {'message': 'Rate limit reached', 'type': 'tokens'}}", "error"),
    ("HTTP 429: Too Many Requests", "error"),
    ("429 Too Many Requests", "error"),
    ("429 RESOURCE_EXHAUSTED. {'error': {'code': 429, 'message': 'You exceeded your current quota'}}", "error"),
    ('{"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}', "error"),
    ("ResourceExhausted: 429 Quota exceeded for aiplatform.googleapis.com", "error"),
    ("RateLimitError: please slow down", "error"),
    ("Error: HTTP 503 Service Unavailable", "error"),
    ("500 Internal Server Error", "error"),
    ("overloaded_error", "error"),
    ("Your credit balance is too low to access the API.", "error"),
    ("$ERROR$", "error"),
    ("Traceback (most recent call last):\n  File 'judge.py'\nKeyError: 'choices'", "error"),
    ("APIConnectionError: Connection error.", "error"),
    ("Error code: 429. A is better served by waiting.", "error"),
    ("Request timed out.", "timeout"),
    ("504 DEADLINE_EXCEEDED", "timeout"),
    ("I'm sorry, but I can't compare these responses.", "refusal"),
    ("I cannot assist with that request.", "refusal"),
    ("As an AI language model, I am unable to judge which is preferable.", "refusal"),
    ("I must decline to choose.", "refusal"),
    ("The response was blocked by the safety filter", "refusal"),
    ("Let us see. The first answer", "parse"),
    ("lorem ipsum", "parse"),
]


@pytest.mark.parametrize("text, winner", EXPLICIT + HARD)
def test_winners(text: str, winner: str | None):
    parsed = parse_verdict(text)
    assert parsed.winner == winner, parsed
    assert (parsed.reason is None) == (winner is not None)


@pytest.mark.parametrize("text, reason", NONE)
def test_reasons(text: str | None, reason: str):
    parsed = parse_verdict(text)
    assert (parsed.winner, parsed.reason) == (None, reason), parsed


@pytest.mark.parametrize("x, y", [("A", "B"), ("B", "A")])
@pytest.mark.parametrize(
    "form",
    [
        "Winner: [{x}]",
        "winner: {x}",
        "The winner is {x}",
        "[[{x}>>{y}]]",
        "{y} is worse than {x}.",
        "{x} wins.",
        "Response {y} is not better. Response {x} is.\n\nChoice: {x}",
        "While Response {y} is better written, Response {x} wins.",
        "Winner: {y}\nNo.\nWinner: {x}",
        "Response {y} is better in tone. I prefer Response {x}.",
        "<thinking>Response {y} is better</thinking>\n<answer>{x}</answer>",
        "<reason>{y} is fluent</reason><final_verdict> Response {x} </final_verdict>",
    ],
)
def test_no_label_is_preferred(form: str, x: str, y: str):
    assert parse_verdict(form.format(x=x, y=y)).winner == x


def test_tags_that_name_no_one_label():
    assert parse_verdict("<verdict>tie</verdict>").winner == "tie"
    assert parse_verdict("<answer>A or B</answer>").winner is None
    assert parse_verdict("Reply with <answer>A</answer> if A is better. <answer>B</answer>").winner == "B"


def test_other_labels():
    assert parse_verdict("Winner: 2", ("1", "2")).winner == "2"
    assert parse_verdict("Response 1 is better", ("1", "2")).winner == "1"
    assert parse_verdict('{"winner": "M"}', ("m", "M")).winner == "M"
    assert parse_verdict("m", ("m", "M")).winner == "m"
    assert parse_verdict("Winner: B", ("1", "2")).winner is None


@pytest.mark.parametrize("filler", ["", "The qualities of both are many. ", "I'm sorry to say it is close. "])
@pytest.mark.parametrize("label", ["A", "B"])
def test_filler_changes_nothing(filler: str, label: str):
    for form in ("Winner: [{}]", "**Choice**: {}", "[[{}]]", "Response {} is better", '{{"winner": "{}"}}'):
        assert parse_verdict(filler + form.format(label)).winner == label
        assert parse_verdict(filler + "\n\n" + form.format(label) + "\n").winner == label


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_parsed_and_says_why_or_what(text: str):
    parsed = parse_verdict(text)
    assert (parsed.winner is None) != (parsed.reason is None)
    assert parsed.winner in (None, "A", "B", "tie")


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="aeiour stlnm.,\n", max_size=120), st.sampled_from(["A", "B", "tie"]))
def test_a_final_verdict_outweighs_whatever_stands_before_it(text: str, winner: str):
    assert parse_verdict(f"{text}\n\nFinal verdict: {winner}").winner == winner


def test_prose_is_searched_only_where_it_can_decide(monkeypatch: pytest.MonkeyPatch):
    """It is the slow part of a long judgement: not beside a verdict marked as final, not before the last slot."""
    starts = []
    search = verdict_text._prose

    def watched(text, reader, start):
        starts.append(start)
        return search(text, reader, start)

    monkeypatch.setattr(verdict_text, "_prose", watched)
    long = "Response A is better. " * 50
    assert parse_verdict(f"{long}[[B]]").winner == "B" and starts == []
    assert parse_verdict(f"{long}Winner: B").winner == "B" and starts == [len(long)]
    assert parse_verdict(f"{long}Winner: B. Overall, response A is better.").winner == "A"
    assert parse_verdict(long).winner == "A" and starts[-1] == 0


def test_mapping():
    mapping = read_mapping("A=incumbent;B=candidate")
    assert mapping == {"A": "incumbent", "B": "candidate"}
    assert verdict_of(parse_verdict("Winner: B"), mapping) == "candidate"
    assert verdict_of(parse_verdict("It's a tie."), mapping) == "tie"
    assert verdict_of(parse_verdict(""), mapping) == "invalid"
    assert verdict_of(parse_verdict("Winner: B"), {}) is None
    assert read_mapping("A=x;B=candidate") == read_mapping(None) == read_mapping("A=candidate;B=candidate") == {}


def test_examples():
    assert doctest.testmod(verdict_text).failed == 0

"""The panel's figures, as the page and report.json show them: win rates, leave-one-out, agreement, position, length."""

from dataclasses import dataclass, field
from typing import Any

from .files import RunFiles
from .numbers import as_set, is_number

DECIDES = "the figure that decides"
_ALL = "all valid votes"


@dataclass(frozen=True)
class Estimate:
    """One row of a forest plot: a rate with its interval at `level`; None where it is not estimable.

    `kind`: panel, judge, domain, check or candidate. `n` prompts. `solid`: does it enter the decision.
    `see`: which pairs stand behind it, as a filter of the page: judge or domain.
    """

    kind: str
    label: str
    estimate: float | None
    low: float | None
    high: float | None
    n: int | None
    level: float = 0.95
    solid: bool = True
    note: str = ""
    see: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """The win rate without one judge (or one family): estimate and one-sided 95% lower bound."""

    what: str
    without: str
    estimate: float | None
    low: float | None


@dataclass(frozen=True)
class Coefficient:
    """One measure of agreement and what it says.

    low, high: its 95% interval over families of prompts; of the one that `gates`, low is the one-sided 95% lower bound.
    """

    name: str
    value: float | None
    low: float | None
    words: str
    gates: bool = False
    high: float | None = None


@dataclass(frozen=True)
class Ranked:
    """A contender's log worth (their mean is 0) with its 95% interval, and its worth, a share of 1."""

    name: str
    log_worth: float | None
    low: float | None
    high: float | None
    worth: float | None


@dataclass(frozen=True)
class Ranking:
    """All contenders on one scale, the best first (Davidson's model of wins and ties); `families` of prompts."""

    contenders: list[Ranked]
    families: int
    ties: float | None
    method: str


@dataclass(frozen=True)
class Place:
    """How much a judge follows the place an answer stands in. Counts are prompts judged validly in both orders."""

    judge: str
    pairs: int
    candidate_both: int
    first_both: int
    second_both: int
    consistency: float | None
    bias: float | None
    low: float | None
    high: float | None
    flagged: bool


def win_rates(files: RunFiles) -> list[Estimate]:
    """The finalist's win rate over the panel, per judge, per domain, and under each check."""
    c = files.comparison
    if not c:
        return []
    rate = c.get("win_rate") or {}
    n = rate.get("n")
    own = _decided(files)
    same = not own or rate.get("estimate") == own.get("estimate")
    level = own.get("level") or 0.95
    note = DECIDES if level == 0.95 else f"{DECIDES}; a {as_set(level)} interval"
    note += "; its lower end holds for the best of several" if simultaneous_low(files) is not None else ""
    rows = [] if same else [_estimate("panel", "Panel, as the gate counts it", own, own.get("n"), note=note)]
    rows.append(_estimate("panel", "Panel", rate | own if same else rate, n, solid=same, note=note if same else _ALL))
    for name, row in (c.get("judges") or {}).items():
        rows.append(judge_rate(name, row))
    for name, row in (c.get("domains") or {}).items():
        named = row | {"estimate": row.get("win_rate")}
        rows.append(_estimate("domain", name, named, row.get("n"), solid=False, see={"domain": name}))
    rows += _checks(c, n)
    return rows


def _checks(c: dict[str, Any], n: int | None) -> list[Estimate]:
    rate, against, length = c.get("win_rate") or {}, c.get("invalid_against_candidate") or {}, c.get("length") or {}
    rows = []
    if c.get("win_rate_soft"):
        rows.append(_estimate("check", "By strength of preference", c["win_rate_soft"], n, solid=False))
    if against:
        note = "every invalid vote counted as a loss; lower bound only"
        rows.append(_estimate("check", "Invalid votes against it", against, n, note=note))
    if length:
        label = "Length held equal" if length.get("identifiable") else "Length held equal (not identifiable)"
        rows.append(_estimate("check", label, length | {"estimate": length.get("controlled_win_rate")}, n))
    if c.get("complete_case"):
        note = "only the prompts that every judge judged; does not decide"
        full = c["complete_case"]
        rows.append(_estimate("check", "Judged by every judge", full, full.get("n"), solid=False, note=note))
    if is_number(c.get("panel_majority")):
        note = "each prompt goes to the majority of judges; no interval, does not decide"
        rows.append(Estimate("check", "Majority of judges", c["panel_majority"], None, None, n, solid=False, note=note))
    if c.get("people"):
        note = "people's votes on some of the prompts, the panel's on all (PPI++); does not decide"
        rows.append(_estimate("check", "People, calibrated", c["people"], c["people"].get("n"), solid=False, note=note))
    like = c.get("judges_like_these") or {}
    if like:
        note = "what other judges of this kind might have said; wider, does not decide"
        rows.append(_estimate("check", "Judges like these", rate | like, n, solid=False, note=note))
    return rows


def judge_rate(name: str, row: dict[str, Any]) -> Estimate:
    """One judge's win rate."""
    named = row | {"estimate": row.get("win_rate")}
    return _estimate("judge", name, named, row.get("pairs_both_orders"), see={"judge": name})


def win_rate_of(files: RunFiles | None, c: dict[str, Any]) -> Estimate:
    """The panel's win rate in one comparison: as the decision of `files` counts it, else as the analysis does."""
    rate = (_decided(files) if files is not None else {}) or c.get("win_rate") or {}
    return _estimate("panel", c["candidate"], rate, rate.get("n"))


def _decided(files: RunFiles) -> dict[str, Any]:
    """The decision's win rate with the lower end that decides, or {}: no picture may show what the headline rejects."""
    own, bound = files.decision.get("win_rate") or {}, simultaneous_low(files)
    return own | {"low": bound} if own and bound is not None else own


def simultaneous_low(files: RunFiles) -> float | None:
    """The bound that decides where the best of several was chosen on these prompts: it holds for whichever is best."""
    if files.decision.get("design") != "max_t":
        return None
    gate = files.decision.get("components") or []
    return _number(next((c.get("observed") for c in gate if c.get("name") == "superiority"), None))


def other_candidates(files: RunFiles) -> list[Estimate]:
    """Every comparison's win rate, to set the finalist among the others; uncorrected for their number."""
    rows = []
    for c in files.analysis.get("comparisons", []):
        rate = c.get("win_rate") or {}
        finalist = (c["candidate"], c["incumbent"]) == files.finalist
        rows.append(_estimate("candidate", c["candidate"], rate, rate.get("n"), solid=finalist))
    return rows


def _estimate(
    kind: str,
    label: str,
    row: dict[str, Any],
    n: int | None,
    *,
    solid: bool = True,
    note: str = "",
    see: dict[str, str] | None = None,
) -> Estimate:
    return Estimate(
        kind=kind,
        label=label,
        estimate=_number(row.get("estimate")),
        low=_number(row.get("low")),
        high=_number(row.get("high")),
        n=n,
        level=row.get("level") or 0.95,
        solid=solid,
        note=note,
        see=see or {},
    )


def left_out(files: RunFiles) -> list[LeftOut]:
    """The win rate without each judge, and without each family where that says more."""
    c = files.comparison
    rows = [
        LeftOut("judge", row["without"], _number(row.get("estimate")), _number(row.get("low")))
        for row in c.get("leave_one_judge_out") or []
    ]
    families = c.get("leave_one_family_out") or []
    if len(families) != len(rows):
        rows += [
            LeftOut("family", row["without"], _number(row.get("estimate")), _number(row.get("low"))) for row in families
        ]
    return rows


_COEFFICIENTS = [
    ("raw", "Raw agreement", "how often two judges gave the same verdict; high by itself when one side wins a lot"),
    ("fleiss_kappa", "Fleiss' κ", "corrected for chance; falls as a candidate gets better, with the same judges"),
    (
        "krippendorff_alpha_nominal",
        "Krippendorff's α, nominal",
        "as κ, for missing votes too; the same weakness at high win rates",
    ),
    ("krippendorff_alpha_interval", "Krippendorff's α, interval", "as above, on graded verdicts"),
    ("gwet_ac1", "Gwet's AC1", "stays high at high win rates; calls blind judges good once there are ties"),
    ("gwet_ac2", "Gwet's AC2", "AC1 with ties as half-way; the same weakness"),
]


def agreement(files: RunFiles) -> list[Coefficient]:
    """Signed agreement first (it alone gates), then the usual coefficients as diagnostics."""
    block = files.comparison.get("agreement") or {}
    if not block:
        return []
    flip = block.get("a_flip") or {}
    words = "agreement beyond what judges who cannot tell the two apart would reach; 1 is full, 0 is none"
    rows = [
        Coefficient("Signed agreement A_flip", _number(flip.get("estimate")), _number(flip.get("low")), words, True)
    ]
    for key, name, says in _COEFFICIENTS:
        within = (block.get("intervals") or {}).get(key) or {}
        low, high = _number(within.get("low")), _number(within.get("high"))
        rows.append(Coefficient(name, _number(block.get(key)), low, says, high=high))
    return rows


def ranking(files: RunFiles) -> Ranking | None:
    """The analysis' ranking; None where it has none: fewer than three contenders, or they never met."""
    found = files.analysis.get("ranking")
    if not found:
        return None
    keys = ("log_worth", "low", "high", "worth")
    rows = [Ranked(str(row["name"]), *(_number(row.get(key)) for key in keys)) for row in found["contenders"]]
    return Ranking(rows, found.get("families") or 0, _number(found.get("ties")), str(found.get("method") or ""))


def judge_pairs(files: RunFiles) -> list[dict[str, Any]]:
    """Raw agreement, Cohen's κ and AC1 of each two judges."""
    block = files.comparison.get("agreement") or {}
    raw, kappa, ac1 = (block.get(key) or {} for key in ("raw_pairs", "cohen_kappa", "gwet_ac1_pairs"))
    return [
        {
            "judges": key.split("|"),
            "raw": _number(raw.get(key)),
            "kappa": _number(kappa.get(key)),
            "ac1": _number(ac1.get(key)),
        }
        for key in sorted(raw or kappa or ac1)
    ]


def places(files: RunFiles) -> list[Place]:
    """Position bias of every counted judge."""
    rows = []
    for name, row in (files.comparison.get("judges") or {}).items():
        bias = row.get("position_bias") or {}
        rows.append(
            Place(
                judge=name,
                pairs=row.get("pairs_both_orders") or 0,
                candidate_both=row.get("both_orders_candidate") or 0,
                first_both=row.get("first_slot_both") or 0,
                second_both=row.get("second_slot_both") or 0,
                consistency=_number(row.get("swap_consistency")),
                bias=_number(bias.get("estimate")),
                low=_number(bias.get("low")),
                high=_number(bias.get("high")),
                flagged=bool(row.get("flagged")),
            )
        )
    return rows


def _number(value: Any) -> float | None:
    return float(value) if is_number(value) else None

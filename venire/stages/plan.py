"""The plan stage: check everything, count, compute what the gate can show, and freeze it before training."""

from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, VenireError
from venire._common.files import write_json
from venire._common.hashing import sha256_file, sha256_json
from venire.reports.numbers import count
from venire.run import current_champion, versions

from .ancestry import learned_before
from .design import preferences_of
from .evaluate import declared_metrics, suite_args, suite_task, treatments

if TYPE_CHECKING:
    from venire.experiment import Budget, SuiteSpec
    from venire.judges.panel import Panel
    from venire.run import Run


def freeze(run: "Run") -> dict[str, Any]:
    """Check the experiment and write its lock; gives the lock.

    A lock that already says the same is left as it is. One that differs is written anew only while nothing has been
    run under it. Raises InputError for what is wrong in the experiment, VenireError for leaks and for a lock that
    other work already rests on.
    """
    lock, begun = run.lock, run.eval_logs.exists() or run.candidates.exists()
    frozen = describe(run, anew=lock is None or not begun)
    check_metrics(run)
    check_champion(run, frozen)
    check_candidates(run)
    check_exam(run, frozen["n_judged"])
    check_leaks(run)
    if lock is not None and lock["frozen"] == frozen:
        return lock | {"plan": outlook(run, frozen)}  # what was frozen stays; other runs may have used its prompts
    if lock is not None and begun:
        raise VenireError(
            f"{run.lock_file} froze something else ({', '.join(changes(lock['frozen'], frozen))}) and work was done "
            f"under it; give the experiment another name, or decide post hoc with: venire gate {run.path}"
        )
    lock = {"sha256": sha256_json(frozen), "frozen": frozen, "plan": outlook(run, frozen), "versions": versions()}
    write_json(run.lock_file, lock)
    return lock


def require_lock(run: "Run") -> dict[str, Any]:
    """The lock, if the experiment is still what was frozen. Raises VenireError if not: only the gate goes on then."""
    lock = run.require_lock()
    changed = changes(lock["frozen"], describe(run))
    if changed:
        raise VenireError(
            f"{run.path} differs from {run.lock_file} in {', '.join(changed)}: give the changed experiment another "
            f"name, or undo the change{_hint(changed, run)}"
        )
    return lock


def _hint(changed: list[str], run: "Run") -> str:
    added = f" (a judge joins a finished comparison by: venire judge {run.path} --add JUDGE)"
    return added if "panel" in changed else ""


def describe(run: "Run", *, anew: bool = False) -> dict[str, Any]:
    """What is frozen: everything that decides, by content.

    `registry:champion` is who the lock says it is; `anew` asks the registry, whose champion may be another by now.
    """
    from venire.engine import resolve_base
    from venire.judges.markers import check_judges
    from venire.judges.panel import resolve_panel

    experiment = run.experiment
    panel, treated = resolve_panel(experiment.panel), treatments(run)
    check_judges(panel.judges, treated)
    suites = [freeze_suite(spec) for spec in experiment.suites]
    teachers = run.declared_teachers()
    champion = None
    if experiment.incumbent == "registry:champion":
        champion = current_champion() if anew else run.frozen_champion()
    return {
        "name": experiment.name,
        "seed": experiment.seed,
        "bases": {name: resolve_base(name).identity for name in experiment.bases},
        "treatments": treated,
        "incumbent": experiment.incumbent,
        "suites": suites,
        "generation": experiment.generation.model_dump(exclude_none=True) | {"serve": experiment.serve},
        "panel": [judge.model_dump(exclude_none=True) for judge in panel.judges],
        "judging": {"screen": panel.screen, "anchors": panel.anchors.n, "preferences": freeze_preferences(panel)},
        "gate": experiment.policy.model_dump(mode="json"),
        "n_judged": sum(suite["n"] for suite in suites if suite["judge"]),
        "n_max": largest_family(experiment.suites),
    } | {key: value for key, value in (("teachers", teachers), ("champion", champion)) if value}


def freeze_preferences(panel: "Panel") -> str | None:
    """The preferences that the exam holds, by content; read once, so that a bad row is found before anything is run."""
    from venire.experiment import find_file

    if not preferences_of(panel):
        return None
    return sha256_file(find_file(str(panel.anchors.preferences), "panel.anchors.preferences"))


def freeze_suite(spec: "SuiteSpec") -> dict[str, Any]:
    """A suite's part of the lock: what was asked for, how many scenarios that is, and their hash."""
    from venire.evals.scenarios import suite_hash

    task = suite_task(spec)
    ids = [str(sample.id) for sample in task.dataset]
    if len(set(ids)) < len(ids):
        doubled = next(i for i in ids if ids.count(i) > 1)
        raise InputError(f"suite {spec.task!r}: the sample id {doubled!r} stands twice")
    frozen = spec.model_dump(mode="json", exclude_none=True)
    return frozen | {"name": spec.name, "n": len(ids), "sha256": suite_hash(spec.task, suite_args(spec))}


def largest_family(suites: "list[SuiteSpec]") -> int:
    """Prompts of the largest family that the panel judges: early stopping weighs families by it."""
    families = judged_families(suites)
    return max(map(families.count, families), default=0)


def judged_families(suites: "list[SuiteSpec]") -> list[str]:
    """The family of every prompt that the panel judges, by suite and name, as the registry remembers them."""
    return [
        f"{spec.name.rsplit('/', 1)[-1]}/{(sample.metadata or {}).get('family') or sample.id}"
        for spec in suites
        if spec.judge
        for sample in suite_task(spec).dataset
    ]


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Which parts of the lock differ, by name: what makes a decision post hoc."""
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def check_leaks(run: "Run") -> None:
    """Raises VenireError if a scenario's text also stands in training data, naming both places."""
    found = leaks(run)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise VenireError(f"train and eval mix: {found[0]}{more}; take the text out of one of them")


def leaks(run: "Run") -> list[Any]:
    """Scenarios, and preferences held out for the judges' exam, whose text also stands in data that was learned.

    That is the data of the recipes, and by their lineages that of parents and of candidates trained before.
    """
    from venire.datasets.leaks import find_leaks
    from venire.judges.panel import resolve_panel
    from venire.judges.preferences import preference_texts

    asked = suite_texts(run) + preference_texts(preferences_of(resolve_panel(run.experiment.panel)))
    named = recipes(run)
    found = [leak for recipe in named for leak in find_leaks(recipe.texts(), asked)]
    return found + find_leaks(learned_before(run, named).texts, asked)


def suite_texts(run: "Run") -> list[tuple[str, str]]:
    """(place, text) of every scenario."""
    from venire.evals.scenarios import scenario_texts

    return [
        (f"{spec.task}:{place}", text)
        for spec in run.experiment.suites
        for place, text in scenario_texts(suite_task(spec))
    ]


def chosen_by(run: "Run") -> list[str]:
    """A sentence where rows that a recipe holds out, by which its best checkpoint is named, stand in a suite too."""
    from venire.datasets.leaks import find_leaks

    asked = suite_texts(run)
    found = [leak for recipe in recipes(run) for leak in find_leaks(recipe.texts(held_out=True), asked)]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    told = "; no model learns it, but the best checkpoint is named by it, so hold out other rows"
    return [f"held out: {found[0]}{more}{told}"] if found else []


def unchecked(run: "Run") -> list[dict[str, str]]:
    """Findings that name what was learned before the experiment, and could not be compared with its suites."""
    missing = learned_before(run, recipes(run)).unchecked
    told = "; whether the suites stand in what it was trained on was not checked"
    return [{"component": "leaks", "severity": "note", "message": why + told} for why in missing]


def notes(run: "Run", frozen: dict[str, Any]) -> list[dict[str, str]]:
    """Findings about who is compared, and by whom, that stop no plan."""
    said, champion = told_left_out(run), frozen.get("champion")
    if champion and not champion.get("treatment_sha256") and frozen["treatments"].get(champion["treatment"]):
        said.append(
            f"what the champion's treatment {champion['treatment']!r} held when it was promoted was not recorded; "
            "that it is the same here was not checked"
        )
    told = [*(("candidates", each) for each in said), *(("judges", why) for why in not_askable(run))]
    told += [("leaks", each) for each in chosen_by(run)]
    return [{"component": about, "severity": "note", "message": message} for about, message in told]


def not_askable(run: "Run") -> list[str]:
    """Why judges of the panel cannot be asked as things stand: no key, or no price under a budget in dollars.

    Nobody is asked for it. Once judging has begun it says itself what is left to ask and lacks something.
    """
    from venire.judges.keys import missing_key
    from venire.judges.panel import resolve_panel
    from venire.judges.purse import Purse

    if (run.folder / "manifest.json").is_file() or not any(suite.judge for suite in run.experiment.suites):
        return []
    judges = resolve_panel(run.experiment.panel).judges
    found = [why for judge in judges if (why := missing_key(judge))]
    try:
        Purse(usd=run.experiment.budget.usd).check(judges)
    except InputError as error:
        found.append(str(error))
    return found


def check_panel(run: "Run") -> None:
    """Raises InputError if a judge cannot be asked, before anything is trained and evaluated for it."""
    if found := not_askable(run):
        raise InputError(found[0])


def recipes(run: "Run") -> list[Any]:
    """The recipes that the experiment names, checked."""
    from venire.experiment import find_file
    from venire.training.recipe import load_recipe

    return [load_recipe(find_file(spec.recipe, "recipe")) for spec in run.experiment.candidates if spec.recipe]


def count_candidates(run: "Run") -> int:
    """How many candidates there will be: each recipe's checkpoints, and every other one named but the incumbent."""
    others = [spec for spec in run.experiment.candidates if not spec.recipe]
    return len(others) + sum(recipe.n_checkpoints for recipe in recipes(run)) - len(run.left_out())


def check_metrics(run: "Run") -> None:
    """Raises InputError if the gate is to rest on a metric that a suite's scorers, by what they declare, never give."""
    for i, spec in enumerate(run.experiment.suites):
        asked = {f"thresholds.{name}": name for name in spec.thresholds}
        if spec.metric:
            asked["metric"] = spec.metric
        known = declared_metrics(spec) if asked else None
        for key, metric in asked.items():
            if known and metric not in known:
                there = ", ".join(known)
                raise InputError(f"{run.path}: suites[{i}].{key}: {spec.task} gives no {metric!r}; it gives {there}")


def check_champion(run: "Run", frozen: dict[str, Any]) -> None:
    """Raises InputError unless the champion can be met as it was promoted: under the same treatment."""
    champion, treated = frozen.get("champion"), frozen["treatments"]
    if champion is None:
        return
    name, known = champion["treatment"], champion.get("treatment_sha256")
    if name not in treated:
        raise InputError(
            f"{run.path}: the champion {champion['name']} answers under the treatment {name!r}, which is not here; "
            "add it to `treatments`, as it was when it was promoted"
        )
    if known and known != sha256_json(treated[name]):
        raise InputError(
            f"{run.path}: treatments.{name} is not what the champion {champion['name']} was promoted under; write it "
            "as it was, and give another content another name"
        )


def check_candidates(run: "Run") -> None:
    """Weights that are named must be there and fit, before anything is run, and somebody must meet the incumbent."""
    run.candidate_contenders()
    if any(suite.judge for suite in run.experiment.suites) and not count_candidates(run):
        raise InputError(f"{run.path}: {'; '.join(told_left_out(run))}; name another candidate")


def check_exam(run: "Run", prompts: int) -> None:
    """Raises InputError if too few prompts are judged for the exam; judging would find it only after the answers."""
    from venire.judges.anchors import most_planted
    from venire.judges.panel import resolve_panel

    panel = resolve_panel(run.experiment.panel)
    planted = panel.anchors.n - min(len(preferences_of(panel)), panel.anchors.n // 2)
    if prompts and planted > most_planted(prompts):
        raise InputError(
            f"{run.path}: the exam of {panel.anchors.n} anchors (panel.anchors.n) cannot be held on "
            f"{count(prompts, 'judged prompt')}, which give {most_planted(prompts)}; judge more prompts"
        )


def told_left_out(run: "Run") -> list[str]:
    """A sentence for everybody who is named as a candidate and is the incumbent."""
    return [f"candidate {c.name} is the incumbent itself, and left out" for c in run.left_out()]


def outlook(run: "Run", frozen: dict[str, Any]) -> dict[str, Any]:
    """What the frozen design can show: prompts needed, power at a few win rates, calls, and what cannot pass."""
    from venire.judges.gate import plan_feasibility
    from venire.judges.panel import count_calls, resolve_panel
    from venire.judges.planning import outlook as expected
    from venire.registry import Registry

    panel = resolve_panel(run.experiment.panel)
    votes, n, k = 2 * len(panel.judges), frozen["n_judged"], count_candidates(run)
    # Which of the prompts a screen will leave to decide is not known yet: one that is shared may do.
    families = set(judged_families(run.experiment.suites))
    used = Registry().earlier_uses(families, run.experiment.name, sha256_json(frozen))
    seen = expected(run.experiment.policy, n, votes, k, (0.6, 0.65, 0.7, 0.8, 0.9), used)
    n_pairs, screened = most_pairs(n, k, run.experiment.policy.halving_from)
    sizes = {suite["name"]: suite["n"] for suite in frozen["suites"]}
    findings = plan_feasibility(run.experiment.policy, n, len(panel.judges), sizes, k, used)
    return {
        "candidates": k,
        "prompts": n,
        "votes_per_prompt": votes,
        "deciding": seen.deciding,
        "alpha_each": seen.alpha,
        "power": [{"win_rate": r, "power": p} for r, p in zip(seen.rates, seen.power, strict=True)],
        "needed": [{"win_rate": r, "prompts": p} for r, p in zip(seen.rates, seen.needed, strict=True)],
        "calls": [vars(each) for each in count_calls(panel, n_pairs, screened=screened)],
        "findings": [*(vars(finding) for finding in findings), *unchecked(run), *notes(run, frozen)],
    }


def most_pairs(prompts: int, candidates: int, halving_from: int) -> tuple[int, int]:
    """Pairs that the whole panel judges at most, and those of the screen before."""
    from venire.judges.statistics.halving import halving_plan

    if candidates < 2 or prompts < halving_from:
        return prompts * candidates, 0
    design = halving_plan(list(range(prompts)), candidates)
    return len(design.confirm), design.judged_pairs - len(design.confirm)


def price(plan: dict[str, Any], budget: "Budget", say: Any) -> None:
    """What judging costs at most, and whether the budget covers it."""
    paid = [each for each in plan["calls"] if each["paid"]]
    calls, known = sum(each["calls"] for each in paid), [each["usd"] for each in paid if each["usd"] is not None]
    if not paid:
        return
    total = f", about ${sum(known):.2f} at 1500 tokens in and 300 out each" if known else ""
    unknown = len(paid) - len(known)
    total += f" ({count(unknown, 'judge')} at a price that is not known)" if unknown else ""
    say(f"  paid judgements: at most {calls}{total}")
    if budget.calls is not None and calls > budget.calls:
        say(f"  note: the budget of {budget.calls} calls may end before judging does; it stops cleanly and can go on")
    if budget.usd is not None and sum(known) > budget.usd:
        say(f"  note: the budget of ${budget.usd:g} may end before judging does; it stops cleanly and can go on")


def tell(lock: dict[str, Any], say: Any, budget: "Budget") -> None:
    """The plan in words."""
    plan, frozen = lock["plan"], lock["frozen"]
    say(f"frozen: {frozen['name']} as {lock['sha256'][:12]}")
    if not plan["prompts"]:
        say("design: no suite is marked `judge: true`: no panel judges and no gate decides; train, eval and curve do")
        return
    say(
        f"design: {count(plan['candidates'], 'candidate')}, {count(plan['prompts'], 'judged prompt')}, "
        f"{count(plan['votes_per_prompt'], 'vote')} a prompt and candidate"
    )
    for row, needed in zip(plan["power"], plan["needed"], strict=True):
        say(
            f"  a true win rate of {row['win_rate']:.0%} is shown with probability {row['power']:.2f}; "
            f"for 0.80 it takes {count(needed['prompts'], 'prompt')}"
        )
    for asked in plan["calls"]:
        paid = "paid" if asked["paid"] else "local, free"
        most = count(asked["calls"], "judgement")
        say(f"  {asked['judge']}: at most {most}, {asked['anchors']} of them its exam ({paid})")
    price(plan, budget, say)
    for finding in plan["findings"]:
        say(f"  {finding['severity']}: {finding['message']}")

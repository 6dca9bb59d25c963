"""What each kind of source in a spec gives: rows, and for answers and facts also what a suite is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from venire._common.errors import InputError, ServiceError
from venire._common.hashing import sha256_file, sha256_json, sha256_text

from .chats import read_chat
from .hub import commit_of, is_hub_name
from .imports import bring_in, read_facts, read_text, same_rows
from .phrasings import (
    DRESS,
    Fact,
    Phrasing,
    astray,
    distinct,
    gives_away,
    lost_keywords,
    quoting,
    suite_questions,
    unfaithful,
    without,
    write_held_out,
    write_phrasings,
)
from .questions import Stance, load_interview, stances
from .rows import DpoRow, Message, Row, SftRow, method_of
from .similarity import plain
from .spec import Answers, Chat, Examples, Facts, Replay, Rows, Spec, find, name_of
from .split import family_of
from .teachers import Draft, example_tasks, family_of_teacher, read_drafts, rephrasing_tasks, usable, write_drafts

Say = Callable[[str], None]
Review = Callable[[Path, Sequence[Draft]], None]
SHIPPED_QUESTIONS_BY = "anthropic"  # the family that wrote the shipped interview's options, and so every contrast
MIDDLE = 5  # the emotional weight that counts as one usual row


@dataclass
class Gathered:
    """What came of one source, and how a card names it."""

    name: str
    kind: str
    origin: str
    licence: str
    sha256: str = ""
    rows: list[Row] = field(default_factory=list)
    stances: list[Stance] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    held_out: list[Phrasing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Builder:
    """What every source needs to know of the whole."""

    spec: Spec
    path: Path  # of the spec
    out: Path
    say: Say
    review: Review | None  # shows drafts to a person; None where nobody sits there

    def gather(self, source: Any) -> Gathered:
        """The rows of a source, each with its source's name, a family and a weight."""
        made = Gathered(name_of(source), source.kind, getattr(source, "file", ""), source.licence)
        kinds = {
            Answers: self._answers,
            Facts: self._facts,
            Replay: self._rows,
            Rows: self._rows,
            Chat: self._chat,
            Examples: self._examples,
        }
        cast(Any, kinds[type(source)])(source, made)
        named = [
            row.model_copy(
                update={
                    "source": made.name,
                    "family": family_of(row),
                    "teacher": row.teacher or source.written_by or None,
                }
            )
            for row in made.rows
        ]
        made.rows, again = same_rows(named)
        if again:
            made.notes.append(f"{again} rows repeated others word for word and were left out")
        if not (made.rows or made.notes):
            raise InputError(f"{self.path}: the source {made.name!r} gives no rows")
        return made

    def _answers(self, source: Answers, made: Gathered) -> None:
        from .answers import load_answers, unasked, unasked_note

        path = find(source.file, self.path, "answers")
        folders = [find(folder, self.path, "questions") for folder in source.questions]
        made.sha256 = sha256_file(path)
        interview = load_interview(folders)
        calibration = load_answers(path, interview)
        if aside := unasked(calibration):
            made.notes.append(unasked_note(aside))
        all_ = stances(calibration, interview, str(path))
        made.stances = [s for s in all_ if s.own_words or not source.own_words_only]
        if not made.stances:
            raise InputError(f"{path}: no answer to build from; go on with: venire calibrate")
        shipped = {question.id: question for _, question in load_interview()}
        asked = {question.id: question for _, question in interview}
        for stance in made.stances:
            weight = stance.weight / MIDDLE if self.spec.weights == "emotional" else 1.0
            about: dict[str, Any] = {"category": stance.category, "family": stance.family, "weight": weight}
            options_by = SHIPPED_QUESTIONS_BY if asked[stance.id] == shipped.get(stance.id) else None
            own = options_by if stance.option_words else None
            made.rows.append(SftRow(**about, teacher=own, messages=[_user(stance.ask), _model(stance.stance)]))
            about["teacher"] = options_by
            if plain(stance.contrast) != plain(stance.stance):
                made.rows.append(_pair(about, stance.ask, stance.stance, stance.contrast))

    def _facts(self, source: Facts, made: Gathered) -> None:
        assert self.spec.person is not None  # the spec's own check
        person = self.spec.person
        path = find(source.file, self.path, "facts")
        made.sha256 = sha256_file(path)
        made.facts = _load_facts(path)[: source.limit]
        off = astray(made.facts)
        made.notes += [
            f"left out what the {name} of the fact {fact!r} asks: {why}" for (fact, name), why in off.items()
        ]
        facts = {f.id: without(f, [name for fact, name in off if fact == f.id]) for f in made.facts}
        asked = {
            id: write_phrasings(fact, source.phrasings, self.spec.seed, source.held_out, person.say)
            for id, fact in facts.items()
        }
        if source.teacher:
            self._rephrase(source, made, asked, facts)
        kept = self._faithful(source, made, [phrasing for own in asked.values() for phrasing in own])
        if silent := [fact.id for fact in made.facts if all(p.fact != fact.id for p in kept)]:
            raise InputError(
                f"{path}: every phrasing of the fact {silent[0]!r} quotes how the suite asks for it, or asks for "
                "something else; give person.called a name other than the full one, or the fact a question "
                "in other words"
            )
        short = sum(sum(p.fact == fact.id for p in kept) < source.phrasings for fact in made.facts)
        if short:
            made.notes.append(f"{short} of {len(made.facts)} facts have fewer than {source.phrasings} phrasings")
        by_id = {fact.id: fact for fact in made.facts}
        for phrasing in kept:
            fact = by_id[phrasing.fact]
            model = phrasing.template.partition("model:")[2]
            made.rows.append(
                SftRow(
                    category="facts",
                    family=f"fact-{fact.id}",
                    teacher=family_of_teacher(model) if model else None,
                    messages=[_user(phrasing.text), _model(person.say(fact.statement))],
                )
            )
        held = [p for fact in facts.values() for p in write_held_out(fact, source.held_out)]
        made.held_out = self._faithful(source, made, held)

    def _rephrase(
        self, source: Facts, made: Gathered, asked: dict[str, list[Phrasing]], known: Mapping[str, Fact]
    ) -> None:
        """Add what the model wrote, where it asks for the fact, does not give it away, and is new."""
        assert source.teacher is not None and self.spec.person is not None
        say = self.spec.person.say
        plainly = [(fact.id, say(fact.question or f"What is {fact.noun}?"), fact.answer) for fact in made.facts]
        tasks = rephrasing_tasks(source.teacher, plainly)
        drafts = self._drafts(made.name, source.teacher, tasks, several=True)
        dropped = 0
        for draft in drafts:
            fact = known[draft.label]
            never = suite_questions(fact)
            never += [p.text for p in write_held_out(fact, source.held_out) if p.kind not in DRESS]
            texts = [line.strip() for line in draft.question.split("\n") if line.strip()]
            quoted = quoting(texts, never)
            for at, text in enumerate(texts):
                if at in quoted or gives_away(text, fact) or lost_keywords(text, fact, say):
                    dropped += 1
                    continue
                asked[fact.id].append(Phrasing(fact.id, f"model:{source.teacher.model}", "model", text))
            asked[fact.id] = distinct(asked[fact.id], None)
        if dropped:
            made.notes.append(f"{dropped} phrasings of {source.teacher.model} lost the fact or gave it away")

    def _faithful(self, source: Facts, made: Gathered, phrasings: Sequence[Phrasing]) -> list[Phrasing]:
        """Those that are near to their fact in meaning, where that is asked for, however they are spelt."""
        if source.meaning == "keywords":
            return [*phrasings]
        from venire.engine import embed

        spelt = [phrasing for phrasing in phrasings if phrasing.kind not in DRESS]
        lost = {spelt[at]: why for at, why in unfaithful(made.facts, spelt, embed).items()}
        made.notes += [f"left out {phrasing.text!r}: {why}" for phrasing, why in lost.items()]
        return [phrasing for phrasing in phrasings if phrasing not in lost]

    def _rows(self, source: Rows, made: Gathered) -> None:
        missing, revision = "", source.revision
        try:
            path = find(source.file, self.path, "rows")
        except InputError as error:
            if not is_hub_name(source.file):
                raise
            path, missing = Path(source.file), str(error)
        try:
            if missing:
                revision = self._pinned(source, made)
            about: dict[str, Any] = {"config": source.config, "revision": revision}
            about["leave_out"] = source.bad_rows == "leave_out"
            rows = bring_in(path, source.format, source.split, made.notes, **about)
        except (InputError, ServiceError) as error:
            if missing and "/" not in source.file:  # perhaps it was meant to be a file
                raise type(error)(f"{missing}; {error}") from error
            raise
        made.sha256 = sha256_file(path) if path.is_file() else sha256_json([row.texts for row in rows])
        if source.limit:
            rows = draw(rows, source.limit, self.spec.seed)
        for row in rows:
            changed = source.category and not row.category
            made.rows.append(row.model_copy(update={"category": source.category}) if changed else row)

    def _pinned(self, source: Rows, made: Gathered) -> str:
        """The commit of a dataset of the hub, for the card, so that the same can be built again."""
        commit = commit_of(source.file, source.config, source.revision)
        config = f", config {source.config}" if source.config else ""
        made.origin += f"{config}, commit {commit or 'not known'}"
        if commit != source.revision and (commit or not source.revision):
            same = f"`revision: {commit}`" if commit else "a `revision`"
            made.notes.append(f"the hub's {source.file} may change; {same} in the spec keeps it as it was here")
        return commit or source.revision

    def _chat(self, source: Chat, made: Gathered) -> None:
        path = find(source.file, self.path, "chat")
        made.sha256 = sha256_file(path)
        rows = read_chat(path, source.app, source.person, source.learn, source.min_chars)
        made.rows = [row.model_copy(update={"category": source.category}) for row in rows]

    def _examples(self, source: Examples, made: Gathered) -> None:
        texts = {
            key: read_text(find(name, self.path, key)) if name else ""
            for key, name in (("stance", source.stance), ("kernel", source.kernel), ("prompts", source.prompts))
        }
        prompts = [line.strip() for line in texts["prompts"].splitlines() if line.strip()]
        tasks = example_tasks(source, texts["stance"], texts["kernel"], prompts, self.spec.seed)
        made.origin = source.teacher.model
        drafts = self._drafts(made.name, source.teacher, tasks)
        made.sha256 = sha256_text("\n".join(f"{d.question}\n{d.answer}\n{d.contrast}" for d in drafts))
        teacher = family_of_teacher(source.teacher.model)
        for draft in drafts:
            about: dict[str, Any] = {"category": draft.label, "family": f"t-{draft.key[:16]}", "teacher": teacher}
            made.rows.append(SftRow(**about, messages=[_user(draft.question), _model(draft.answer)]))
            if draft.contrast:
                made.rows.append(_pair(about, draft.question, draft.answer, draft.contrast))
        missing = len(tasks) - len(drafts)
        if missing:
            made.notes.append(f"{missing} of {len(tasks)} texts of {source.teacher.model} are missing")
        edited, unread = (sum(d.status in of for d in drafts) for of in (("edited",), ("open", "unread")))
        made.notes.append(f"{len(drafts)} texts used, {edited} of them edited by hand, {unread} unread")

    def _drafts(self, name: str, teacher: Any, tasks: Any, several: bool = False) -> list[Draft]:
        """What the teacher wrote and a person let pass; the rejected is asked for again until there is enough."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{self.path}: the source's name {name!r} leads out of the folder; give it a plain name")
        file = self.out / "teacher" / f"{name}.jsonl"
        while True:
            drafts = write_drafts(teacher, tasks, file, self.say, several)
            waiting = [draft for draft in drafts if draft.status == "open"]
            if not (teacher.review and waiting and self.review):
                break
            self.review(file, waiting)
            wanted = {task.key for task in tasks}
            drafts = [draft for draft in read_drafts(file) if draft.key in wanted]
            if any(draft.status == "open" for draft in drafts):
                break
        order = {task.key: at for at, task in enumerate(tasks)}
        return sorted(usable(drafts, teacher.review), key=lambda draft: order[draft.key])


def draw(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """`count` of the rows, drawn by what they say, in their order: another row more or less moves no others."""
    keys = [sha256(f"{seed}:{chr(0).join(row.texts)}".encode()).digest() for row in rows]
    chosen = sorted(sorted(range(len(rows)), key=keys.__getitem__)[:count])
    return [rows[at] for at in chosen]


def replay_count(source: Replay, rows: Sequence[Row]) -> int:
    """How many rows of replay go with `rows`, of which those to learn from (not the preferences) count."""
    return round(source.ratio * sum(method_of(row) == "sft" for row in rows))


def _load_facts(path: Path) -> list[Fact]:
    if path.suffix.lower() == ".csv":
        return list[Fact](read_facts(path))
    from .facts import load_facts

    return list[Fact](load_facts(path))


def _pair(about: dict[str, Any], asked: str, chosen: str, rejected: str) -> DpoRow:
    return DpoRow(**about, prompt=[_user(asked)], chosen=[_model(chosen)], rejected=[_model(rejected)])


def _user(text: str) -> Message:
    return Message(role="user", content=text)


def _model(text: str) -> Message:
    return Message(role="assistant", content=text)

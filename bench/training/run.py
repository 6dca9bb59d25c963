"""Each shipped small recipe against plain TRL with its defaults: same rows, same adapter, same steps, in one go.

    python bench/training/run.py [--steps 6] [--out bench/training/results.json] [RECIPE …]

`--out` also writes a table of the same name (.md); recipes that the file has from a like run and that are not named now
stay in it. The 7B shape of a GPU is seven_b.py beside this file.

Either side trains in a process of its own, one after the other: wall time of the training loop, tokens per second (of
the rows as we render them), and per second of processor time, which other programs on the machine disturb less; the
process's peak memory. Plain TRL gets the recipe's batch, learning rate, schedule and
adapter, and everything else as TRL sets it: the loss over the whole chat in sft, its own precision and checkpointing.
As its logged loss is of other tokens than ours, both models are then measured alike: the loss on the answers of the
first held-out rows (of the trained rows where a recipe holds none out); in dpo, also the share of pairs preferred as
wanted.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[2]
BASE = "smollm2-135m"
RECIPES = [
    "quickstart_sft",
    "quickstart_dpo",
    "personal_ethics_small",
    "kernel_small",
    "style_small",
    "epistemic_stance_small",
    "question_variation_small",
]
SIDES = ("venire", "trl")
RATIOS = ("tokens_per_second", "tokens_per_cpu_second", "peak_bytes", "loss")
MEASURED = 16  # rows that both models are measured on


def one_side(side: str, name: str, steps: int) -> dict[str, Any]:
    """Train one side and measure it; runs in a process of its own."""
    from venire.engine import load_tokenizer, resolve_base
    from venire.training.recipe import load_recipe
    from venire.training.tokens import columns, lengths

    recipe = load_recipe(HOME / "training" / "recipes" / f"{name}.yaml").variants()[-1]
    base = resolve_base(BASE)
    data = recipe.load()
    tokenizer = load_tokenizer(base)
    rows = columns(tokenizer, data.train, recipe, 8192)
    measured = columns(tokenizer, data.held_out or data.train, recipe, 8192)
    measured = {name: values[:MEASURED] for name, values in measured.items()}
    with tempfile.TemporaryDirectory() as scratch:
        make = _ours if side == "venire" else _plain
        trainer = make(recipe, rows, measured, base, data, steps, Path(scratch))
        start, busy = time.perf_counter(), time.process_time()
        trainer.train()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sides = 2 if recipe.method == "dpo" else 1
    tokens = sum(lengths(rows)) / len(data.train.rows) * sides * recipe.batch * recipe.accumulation * steps
    found = {
        "seconds": round(seconds, 1),
        "tokens_per_second": round(tokens / seconds, 1),
        "tokens_per_cpu_second": round(tokens / busy, 1),
        "peak_bytes": peak,
    }
    return found | _measure(recipe, trainer.model, measured)


def _ours(recipe: Any, rows: Any, measured: Any, base: Any, data: Any, steps: int, work: Path) -> Any:
    from venire.training.trainers import Plan, make_trainer

    return make_trainer(recipe, rows, None, base, Plan(work, "cpu", steps, recipe.warmup_steps(steps)))


def _plain(recipe: Any, rows: Any, measured: Any, base: Any, data: Any, steps: int, work: Path) -> Any:
    """What a person writes who follows TRL's quick start."""
    from datasets import Dataset
    from transformers import AutoConfig
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from venire.training.estimate import lora_config

    common: dict[str, Any] = {
        "output_dir": str(work),
        "max_steps": steps,
        "per_device_train_batch_size": recipe.batch,
        "gradient_accumulation_steps": recipe.accumulation,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "constant" if recipe.schedule == "constant" else recipe.schedule,
        "warmup_steps": recipe.warmup_steps(steps),
        "use_cpu": True,
        "report_to": "none",
        "save_strategy": "no",
    }
    keys = ("messages",) if recipe.method == "sft" else ("prompt", "chosen", "rejected")
    chats = [{k: [m.model_dump() for m in getattr(row, k)] for k in keys} for row in data.train.rows]
    given: dict[str, Any] = {
        "model": str(base.path),
        "train_dataset": Dataset.from_list(chats),
        "peft_config": lora_config(recipe.lora, AutoConfig.from_pretrained(str(base.path))),
    }
    if recipe.method == "sft":
        return SFTTrainer(args=SFTConfig(**common), **given)
    return DPOTrainer(args=DPOConfig(**common, beta=recipe.beta), **given)


def _measure(recipe: Any, model: Any, rows: Any) -> dict[str, float]:
    """The loss on answers of a trained model; of pairs also how many are preferred as wanted, against the base."""
    import torch

    def answer(ids: list[int], start: int) -> float:
        logits = model(torch.tensor([ids])).logits[0, :-1].float()
        picked = logits.log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
        return float(picked[start - 1 :].sum())

    model.eval()
    with torch.no_grad():
        if recipe.method == "sft":
            starts = [next(i for i, label in enumerate(labels) if label != -100) for labels in rows["labels"]]
            logps = [answer(ids, start) for ids, start in zip(rows["input_ids"], starts, strict=True)]
            count = sum(len(ids) - start for ids, start in zip(rows["input_ids"], starts, strict=True))
            return {"loss": round(-sum(logps) / count, 4)}
        margins = []
        for prompt, *sides in zip(*(rows[k] for k in ("prompt_ids", "chosen_ids", "rejected_ids")), strict=True):
            now = [answer(prompt + side, len(prompt)) for side in sides]
            with model.disable_adapter():
                before = [answer(prompt + side, len(prompt)) for side in sides]
            margins.append(recipe.beta * ((now[0] - before[0]) - (now[1] - before[1])))
    losses = torch.nn.functional.softplus(-torch.tensor(margins))
    return {"loss": round(float(losses.mean()), 4), "preferred": sum(m > 0 for m in margins) / len(margins)}


def main() -> None:
    """Run both sides of every recipe, print the ratios, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(one_side(options.side, options.recipes[0], options.steps)))
        return
    results = _earlier(options.out, options.steps)
    # Threads that wait asleep: spinning ones would count as work, and hurt either side where the machine is shared.
    env = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    for name in options.recipes:
        command = [sys.executable, __file__, name, "--steps", str(options.steps), "--side"]
        both = {}
        for side in SIDES:
            done = subprocess.run([*command, side], capture_output=True, text=True, check=False, env=env)
            if done.returncode:
                sys.exit(f"{name}, {side}: {done.stderr[-3000:]}")
            both[side] = json.loads(done.stdout.strip().splitlines()[-1])
        ours, theirs = both["venire"], both["trl"]
        both["ratio"] = {k: round(ours[k] / theirs[k], 3) for k in RATIOS}
        results[name] = both
        of_cpu = both["ratio"]["tokens_per_cpu_second"]
        print(
            f"{name:26} tokens/s {ours['tokens_per_second']:8.1f} against {theirs['tokens_per_second']:8.1f} "
            f"(x{both['ratio']['tokens_per_second']:.2f}, of processor time x{of_cpu:.2f}), "
            f"memory x{both['ratio']['peak_bytes']:.2f}, "
            f"loss {ours['loss']:.3f} against {theirs['loss']:.3f} (x{both['ratio']['loss']:.2f})",
            flush=True,
        )
        if options.out:
            document = _document(results, options.steps)
            options.out.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
            options.out.with_suffix(".md").write_text(_table(document), "utf-8")


def _earlier(out: Path | None, steps: int) -> dict[str, Any]:
    """What the file has of the same hardware, threads, steps and versions; nothing of any other."""
    if out is None or not out.exists():
        return {}
    there, now = json.loads(out.read_text("utf-8")), _document({}, steps)
    alike = all(there[key] == now[key] for key in ("hardware", "threads", "base", "steps", "versions"))
    return there["recipes"] if alike else {}


def _document(results: dict[str, Any], steps: int) -> dict[str, Any]:
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "hardware": f"{cpu}, {os.cpu_count()} cores",
        "threads": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        "load_average": [round(x, 1) for x in os.getloadavg()],
        "base": BASE,
        "steps": steps,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {name: version(name) for name in ("torch", "transformers", "trl", "peft")},
        "recipes": results,
    }


def _table(document: dict[str, Any]) -> str:
    """The ratios as a page: above 1 is more of ours than of plain TRL's."""
    versions = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    lines = [
        "# Venire's training against plain TRL",
        "",
        f"{document['hardware']}, {document['threads']} threads, {document['date']}; {document['base']}, "
        f"{document['steps']} steps a side; {versions}. Load of the machine at the end: {document['load_average'][0]}.",
        "",
        f"    python bench/training/run.py --steps {document['steps']} --out bench/training/results.json",
        "",
        "Same rows, adapter, batch and steps; ratios are ours over plain TRL's with its defaults. The loss is that on "
        "the answers of the same rows after the same steps. Tokens per second of processor time are what other "
        "programs on the machine disturb least. TRL checkpoints gradients and computes in bf16 unless told otherwise: "
        "less memory, more time. Ours does so only where memory asks for it, or the hardware has it "
        "(`gradient_checkpointing`, `precision`). The 7B shape needs a GPU (seven_b.py) and is not in this table.",
        "",
        "| recipe | tokens/s, ours | tokens/s, TRL | ratio | of processor time | peak memory "
        "| loss, ours | loss, TRL | ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in filter(document["recipes"].__contains__, RECIPES):
        both = document["recipes"][name]
        ours, theirs, ratio = both["venire"], both["trl"], both["ratio"]
        lines.append(
            f"| {name} | {ours['tokens_per_second']:.1f} | {theirs['tokens_per_second']:.1f} "
            f"| {ratio['tokens_per_second']:.2f} | {ratio['tokens_per_cpu_second']:.2f} "
            f"| {ours['peak_bytes'] / 1e9:.2f} against {theirs['peak_bytes'] / 1e9:.2f} GB ({ratio['peak_bytes']:.2f}) "
            f"| {ours['loss']:.3f} | {theirs['loss']:.3f} | {ratio['loss']:.2f} |"
        )
    if missing := [name for name in RECIPES if name not in document["recipes"]]:
        lines += ["", f"Not measured in this run: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

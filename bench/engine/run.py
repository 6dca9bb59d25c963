"""A base and 8 adapters over the four suites: `venire/` against Inspect's own `hf/`, one model a checkpoint.

    python bench/engine/run.py [--items 15] [--tokens 32] [--adapters 8]

Each side runs in a process of its own (its peak memory is that process's), one after the other, greedy, on the same
prompts; then wall time, tokens per second and peak memory are printed as ratios, with the share of equal answers.

    venire      one `eval` of all models
    hf          the same call, the same settings: nine models side by side in one process
    hf-turns    nine models in one process, but asked one after the other, the four suites of each together: the most
                that a careful user gets out of it
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUITES = ("value_alignment", "epistemic_stance", "forgetting", "phrasing_robustness")
BASE = "smollm2-135m"
SIDES = ("venire", "hf", "hf-turns")


def make_adapters(folder: Path, count: int) -> None:
    """Random adapters of rank 8 on q, k, v, o: small enough that answers stay language, large enough to differ."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from venire.engine import resolve_base

    path = str(resolve_base(BASE).path)
    for i in range(count):
        torch.manual_seed(i)
        config = LoraConfig(r=8, lora_alpha=8, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(path), config)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.02)
        model.save_pretrained(str(folder / f"a{i}"))


def tasks(items: int, tokens: int) -> list:
    """The four suites, a few items each, every answer as long as asked (or until the model ends it)."""
    from inspect_ai import task_with
    from inspect_ai.model import GenerateConfig
    from inspect_ai.solver import generate

    from venire.experiment import SuiteSpec
    from venire.stages.evaluate import suite_task

    made = []
    for name in SUITES:
        task = suite_task(SuiteSpec(task=f"venire/{name}", limit=items))
        made.append(task_with(task, solver=generate(), scorer=None, config=GenerateConfig(max_tokens=tokens)))
    return made


def side(which: str, folder: Path, items: int, tokens: int) -> None:
    """Run one side and write its answers and figures to `<which>.json`."""
    import gc

    from inspect_ai import eval
    from inspect_ai.model import get_model

    from venire.engine import register_adapter, resolve_base

    base = resolve_base(BASE)
    paths = sorted(folder.glob("a*"), key=lambda p: int(p.name[1:]))
    start = time.perf_counter()
    if which == "venire":
        models = [get_model(f"venire/{BASE}")] + [get_model(register_adapter(p.name, p, base).model) for p in paths]
    else:
        places = [base.path, *paths]
        models = [
            get_model(f"hf/{i}", model_path=str(p), tokenizer_path=str(base.path), do_sample=False, memoize=False)
            for i, p in enumerate(places)
        ]
    loaded = time.perf_counter() - start
    common = {
        "log_dir": str(folder / f"logs-{which}"),
        "display": "none",
        "max_tasks": len(SUITES) * len(models),
        "max_connections": 64,
        "adaptive_connections": False,
    }
    start = time.perf_counter()
    logs = []
    if which != "hf-turns":
        logs = eval(tasks(items, tokens), model=models, **common)
    else:
        for model in models:
            logs += eval(tasks(items, tokens), model=model, **common)
            gc.collect()
    seconds = time.perf_counter() - start
    answers, made = {}, 0
    numbers = {str(model): number for number, model in enumerate(models)}
    for i, log in enumerate(logs):
        assert log.status == "success", log.error
        number = i // len(SUITES) if which == "hf-turns" else numbers[log.eval.model]
        for sample in log.samples or []:
            answers[f"{number}|{log.eval.task}|{sample.id}"] = sample.output.completion
            made += len(base_tokens(base, sample.output.completion))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"load_s": loaded, "run_s": seconds, "tokens": made, "peak_mib": peak, "answers": answers}
    (folder / f"{which}.json").write_text(json.dumps(figures))


def base_tokens(base: object, text: str) -> list[int]:
    """Tokens of an answer, counted alike for both sides (hf/ reports padded lengths)."""
    import functools

    from venire.engine import load_tokenizer

    if not hasattr(base_tokens, "tokenizer"):
        base_tokens.tokenizer = functools.cache(load_tokenizer)(base)  # type: ignore[attr-defined]
    return base_tokens.tokenizer(text, add_special_tokens=False)["input_ids"]  # type: ignore[attr-defined]


def main() -> None:
    """Run both sides and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        side(args.side, args.folder, args.items, args.tokens)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_adapters(folder, args.adapters)
        for which in SIDES:
            command = [sys.executable, __file__, "--side", which, "--folder", scratch]
            command += ["--items", str(args.items), "--tokens", str(args.tokens), "--adapters", str(args.adapters)]
            # Everything is on this disk; without this, hf/ asks the hub for each model's name and waits for its answer.
            subprocess.run(command, check=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
        report({which: json.loads((folder / f"{which}.json").read_text()) for which in SIDES})


def report(sides: dict[str, dict]) -> None:
    """Print all sides, and ours as a ratio to each of theirs."""
    print(f"{'':10} {'load s':>8} {'run s':>8} {'tokens/s':>9} {'peak MiB':>9}")
    for name, figures in sides.items():
        rate = figures["tokens"] / figures["run_s"]
        print(f"{name:10} {figures['load_s']:8.1f} {figures['run_s']:8.1f} {rate:9.1f} {figures['peak_mib']:9.0f}")
    ours = sides.pop("venire")
    for name, theirs in sides.items():
        faster = (theirs["load_s"] + theirs["run_s"]) / (ours["load_s"] + ours["run_s"])
        memory = ours["peak_mib"] / theirs["peak_mib"]
        equal = sum(ours["answers"][key] == answer for key, answer in theirs["answers"].items())
        print(f"against {name}: {faster:.2f} times as fast, {memory:.2f} of the memory, ", end="")
        print(f"{equal} of {len(theirs['answers'])} answers equal ({equal / len(theirs['answers']):.1%})")


if __name__ == "__main__":
    main()

"""The 7B shape on a GPU: personal_ethics on 532 rows, against the 23.5 minutes and 19 GB of the project it comes from.

    python bench/training/seven_b.py --out bench/training/seven_b.json

The weights are random, of Qwen2.5-7B's configuration (15 GB on disk while it runs): speed does not depend on their
values. The recipe is the shipped one, the rows those of the quickstart, numbered on to 532, of which a tenth is held
out: 60 steps of 16 rows, measured and saved as the recipe says. Their figures are of an RTX 6000 Ada and of rows whose
lengths are not known, so tokens per second stand beside.

`--rehearse` shows on any machine that it runs, with two narrow layers and 64 rows on the CPU; what that prints is no
measurement, and is not written to a file.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[2]
THEIRS = {"minutes": 23.5, "examples_per_second": 0.67, "peak_gb": 19.0, "hardware": "RTX 6000 Ada", "steps": 60}
QWEN_7B: dict[str, Any] = {
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": False,
}
REHEARSAL = {**QWEN_7B, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}


def make_base(folder: Path, shape: dict[str, Any], half: bool) -> Any:
    """A folder with random weights of the configuration, and the embedded model's tokenizer (its ids all fit)."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    from venire.engine import load_tokenizer, resolve_base

    model = AutoModelForCausalLM.from_config(Qwen2Config(**shape), dtype=torch.bfloat16 if half else torch.float32)
    model.save_pretrained(folder)
    load_tokenizer(resolve_base("smollm2-135m")).save_pretrained(folder)
    return resolve_base(str(folder))


def make_rows(file: Path, count: int) -> None:
    """The quickstart's rows, again and again, each with a number of its own in front."""
    rows = [json.loads(line) for line in (HOME / "datasets/quickstart/sft.jsonl").read_text("utf-8").splitlines()]
    with file.open("w", encoding="utf-8") as out:
        for i in range(count):
            row = json.loads(json.dumps(rows[i % len(rows)]))
            row["messages"][0]["content"] = f"{i + 1}. {row['messages'][0]['content']}"
            out.write(json.dumps(row | {"family": f"row-{i}"}) + "\n")


def measure(scratch: Path, rehearse: bool) -> dict[str, Any]:
    """Train, and say how long it took and what it took."""
    import torch

    from venire.engine import load_tokenizer
    from venire.training.recipe import load_recipe
    from venire.training.run import train
    from venire.training.tokens import columns, lengths

    device, count = ("cpu", 64) if rehearse else ("cuda", 532)
    make_rows(scratch / "rows.jsonl", count)
    base = make_base(scratch / "qwen-7b-shape", REHEARSAL if rehearse else QWEN_7B, half=not rehearse)
    recipe = load_recipe(HOME / "training/recipes/personal_ethics.yaml")
    recipe = recipe.model_copy(update={"data": str(scratch / "rows.jsonl")})
    data = recipe.load().train
    tokens = sum(lengths(columns(load_tokenizer(base), data, recipe, recipe.max_length))) * recipe.epochs
    start = time.perf_counter()
    made = train(recipe, scratch / "run", lock_sha256="bench", base=base, device=device)
    whole = time.perf_counter() - start
    stepped = made[-1].lineage["seconds"]
    if rehearse:
        hardware, peak = "a rehearsal on a CPU", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    else:
        hardware, peak = torch.cuda.get_device_name(), torch.cuda.max_memory_allocated()
    return {
        "hardware": hardware,
        "rows": count,
        "steps": made[-1].step,
        "trainable_parameters": made[-1].lineage["trainable_parameters"],
        "minutes": round(stepped / 60, 2),
        "minutes_with_loading_and_saving": round(whole / 60, 2),
        "examples_per_second": round(len(data.rows) * recipe.epochs / stepped, 2),
        "tokens_per_second": round(tokens / stepped, 1),
        "peak_gb": round(peak / 1e9, 1),
        "theirs": THEIRS,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {name: version(name) for name in ("torch", "transformers", "trl", "peft")},
    }


def main() -> None:
    """Measure on a GPU, and write what was measured; without one, say that there is nothing to measure."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rehearse", action="store_true", help="small, on the CPU: does it run?")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not options.rehearse and not torch.cuda.is_available():
        sys.exit("no GPU here, so the 7B shape is not measured; --rehearse shows that the script runs")
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(Path(scratch), options.rehearse)
    print(json.dumps(found, indent=2))
    if options.out and not options.rehearse:
        options.out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""`venire export`: by folder or by name, merged and as GGUF, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from venire._common.errors import InputError
from venire.engine import Base, load_tokenizer
from venire.export_command import export
from venire.training.candidates import describe_base, write_candidate


@pytest.fixture
def folder(tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lineage = {"name": "stance-step2", "kind": "adapter", "base": describe_base(tiny_base), "step": 2}
    lineage["recipe"] = {"name": "stance", "sha256": "0" * 64}
    return write_candidate(tiny_adapters[0], tmp_path / "runs/r/candidates/stance-step2", lineage).path


def run(*words: str) -> Result:
    return CliRunner().invoke(export, list(words), catch_exceptions=False)


def test_a_candidate_is_found_by_name_and_written_as_model_and_gguf(
    folder: Path, tiny_base: Base, tmp_path: Path
) -> None:
    done = run("stance-step2", "--gguf", "q8_0", "--json")
    written = json.loads(done.stdout)
    assert written == {
        "merged": "exports/stance-step2",
        "gguf": ["exports/stance-step2/stance-step2-q8_0.gguf"],
    }
    steps = [line for line in done.stderr.splitlines() if line[0].isdigit()]
    assert steps == [f"1/2 merge    stance-step2 into {tiny_base.name}", "2/2 gguf     stance-step2-q8_0.gguf"]
    assert (tmp_path / written["gguf"][0]).read_bytes()[:4] == b"GGUF"
    assert (tmp_path / "exports/stance-step2/model.safetensors").is_file()


def test_a_folder_is_taken_the_adapter_alone_and_a_dry_run_lists_it(
    folder: Path, tiny_base: Base, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    done = run(str(folder), "--adapter", "--to", "mine", "--push", "me/mine", "--dry-run")
    assert "pushed: would be me/mine/adapter_model.safetensors" in done.stdout
    with_it = AutoTokenizer.from_pretrained("mine")
    assert with_it.chat_template == load_tokenizer(tiny_base).chat_template
    assert "Nobody has judged it yet" in Path("mine/README.md").read_text()
    (folder / "README.md").write_text("as a report wrote it")
    run(str(folder), "--adapter", "--to", "again")
    assert Path("again/README.md").read_text() == "as a report wrote it"
    assert (tmp_path / "mine" / "adapter_model.safetensors").read_bytes() == (
        folder / "adapter_model.safetensors"
    ).read_bytes()


def test_what_cannot_be_is_refused_in_a_sentence(folder: Path) -> None:
    back = ("--from-mlx", "--base", "somewhere", "--to", "there")
    for words, message in (
        (("nobody",), "'nobody' is not known here"),
        ((str(folder), "--adapter", "--gguf", "f16"), "--adapter writes no GGUF"),
        ((str(folder), "--public"), "belong to --push"),
        ((str(folder), "--mlx", "--from-mlx"), "stand alone"),
        (("training/recipes/kernel_small.yaml", "--mlx"), "names no base; say which with --base"),
        ((str(folder), "--from-mlx"), "--from-mlx needs --base"),
        ((str(folder), "--teacher", "anthropic"), "belongs to --from-mlx"),
        ((str(folder), *back, "--teacher", "none", "--teacher", "anthropic"), "--teacher none: nobody else"),
    ):
        with pytest.raises(InputError, match=message):
            run(*words)


def test_a_recipe_becomes_a_folder_for_mlx_lm(folder: Path, tiny_base: Base, tmp_path: Path) -> None:
    done = run("training/recipes/style_small.yaml", "--mlx", "--base", tiny_base.name, "--to", "mlx")
    assert done.stdout == "run on the Mac: python -m mlx_lm lora --config mlx/lora.yaml\n"
    assert (tmp_path / "mlx/data/train.jsonl").is_file()

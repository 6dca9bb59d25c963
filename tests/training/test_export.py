"""Exports are read back by other programs: the same logits, the same tokens, the same chat template."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire.engine import Base, load_tokenizer, render_prompt
from venire.training.candidates import Candidate, describe_base, write_candidate
from venire.training.gguf_file import export_gguf
from venire.training.merged import export_merged

from ..tiny import tiny_llama

TEXTS = ["Hello there, what's this? 12345", "  Größe: 日本 🙂\n\nnew", "don't  stop\tnow"]
SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "max_position_embeddings": 128,
}
HEADS: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2}


@pytest.fixture
def candidate(tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path) -> Candidate:
    lineage = {"name": "stance-step2", "kind": "adapter", "base": describe_base(tiny_base), "recipe": None, "step": 2}
    return write_candidate(tiny_adapters[0], tmp_path / "candidates" / "stance-step2", lineage)


def logits(model: Any, ids: list[int]) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0]


def test_merged_weights_answer_as_base_and_adapter_do(candidate: Candidate, tiny_base: Base, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = export_merged(candidate, tiny_base, tmp_path / "merged")
    plain = AutoModelForCausalLM.from_pretrained(str(folder))
    base = AutoModelForCausalLM.from_pretrained(str(tiny_base.path))
    both = PeftModel.from_pretrained(base, str(candidate.path))
    ids = load_tokenizer(tiny_base)(TEXTS[0])["input_ids"]
    assert torch.allclose(logits(plain, ids), logits(both, ids), atol=1e-4)
    with both.disable_adapter():
        assert not torch.allclose(logits(plain, ids), logits(both, ids), atol=1e-2)
    assert AutoTokenizer.from_pretrained(str(folder)).chat_template == load_tokenizer(tiny_base).chat_template
    assert str(tiny_base.path) not in (folder / "config.json").read_text()
    assert json.loads((folder / "lineage.json").read_text())["sha256"] == candidate.sha256
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert export_merged(candidate, tiny_base, folder) == folder  # the same again: nothing to do
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    for other, dtype in ((candidate, "bfloat16"), (replace(candidate, sha256="0" * 64), "auto")):
        with pytest.raises(InputError, match="is there already, with something else"):
            export_merged(other, tiny_base, folder, dtype)


def test_a_merge_in_half_precision_is_close(candidate: Candidate, tiny_base: Base, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    whole = AutoModelForCausalLM.from_pretrained(str(export_merged(candidate, tiny_base, tmp_path / "whole")))
    folder = export_merged(candidate, tiny_base, tmp_path / "half", "bfloat16")
    half = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    ids = load_tokenizer(tiny_base)(TEXTS[0])["input_ids"]
    off = (logits(whole, ids) - logits(half, ids)).abs()
    assert 0 < off.mean() < 0.01 * logits(whole, ids).std()
    with pytest.raises(InputError, match="dtype 'int4': one of auto"):
        export_merged(candidate, tiny_base, tmp_path / "x", "int4")


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_an_adapter_on_a_tied_head_or_embedding_is_merged_into_that_alone(
    target: str, byte_base: Base, tmp_path: Path
) -> None:
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    base = tiny_llama(tmp_path / "tied", load_tokenizer(byte_base), tie_word_embeddings=True, initializer_range=0.4)
    config = LoraConfig(r=2, target_modules=["q_proj", target], init_lora_weights=False)
    torch.manual_seed(1)
    get_peft_model(AutoModelForCausalLM.from_pretrained(str(base.path)), config).save_pretrained(str(tmp_path / "own"))
    both = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(str(base.path)), str(tmp_path / "own"))
    lineage = {"name": "own", "kind": "adapter", "base": describe_base(base), "recipe": None, "step": 2}
    own = write_candidate(tmp_path / "own", tmp_path / "candidates" / "own", lineage)
    plain = AutoModelForCausalLM.from_pretrained(str(export_merged(own, base, tmp_path / "merged")))
    assert torch.allclose(logits(plain, [3, 4, 5]), logits(both, [3, 4, 5]), atol=1e-4)
    assert not plain.config.tie_word_embeddings


def byte_level(cut: str) -> Any:
    """A small byte-level tokenizer with a few merges, cut as one family does."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from venire.training import gguf_file

    model = Tokenizer(models.BPE())
    regex = next((regex for regex, name in gguf_file._CUTS.items() if name == cut), "")
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not regex)
    steps = {"gpt-2": [plain], "smollm": [pre_tokenizers.Digits(individual_digits=True), plain]}
    split = [pre_tokenizers.Split(Regex(regex), behavior="isolated"), plain] if regex else []
    chosen = steps.get(cut, split)
    model.pre_tokenizer = chosen[0] if len(chosen) == 1 else pre_tokenizers.Sequence(chosen)
    model.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    model.train_from_iterator(["what is this there hello now stop " * 4, "don't 12 34 12345"], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=model, bos_token=special[1], eos_token=special[2])


def sentencepiece() -> Any:
    """A small tokenizer as Gemma's: spaces are ▁, unknown characters become bytes."""
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    pieces = sorted(set("".join(TEXTS).replace(" ", "▁") + "abcdefghijklmnopqrstuvwxyz") - set("日本🙂"))
    merges = [("h", "e"), ("l", "l"), ("t", "he"), ("▁", "the"), ("w", "h"), ("wh", "a"), ("▁", "wha"), ("▁", "▁")]
    tokens = [*special, *(f"<0x{i:02X}>" for i in range(256)), *("".join(m) for m in merges), *pieces]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    model = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    model.normalizer = normalizers.Replace(" ", "▁")
    model.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    names = dict(zip(("pad_token", "eos_token", "bos_token", "unk_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=model, **names)


def llama(vocabulary: int) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(vocab_size=vocabulary, tie_word_embeddings=True, **SIZES, **HEADS)


def qwen2(vocabulary: int) -> Any:
    from transformers import Qwen2Config

    return Qwen2Config(vocab_size=vocabulary, tie_word_embeddings=False, **SIZES, **HEADS)


def gemma(vocabulary: int) -> Any:
    from transformers import GemmaConfig

    return GemmaConfig(vocab_size=vocabulary, head_dim=32, **SIZES, **HEADS)


def gemma2(vocabulary: int) -> Any:
    from transformers import Gemma2Config

    return Gemma2Config(
        vocab_size=vocabulary, head_dim=32, query_pre_attn_scalar=32, sliding_window=8, **SIZES, **HEADS
    )


def gemma3(vocabulary: int) -> Any:
    from transformers import Gemma3TextConfig

    sizes = SIZES | {"num_hidden_layers": 6}  # every sixth layer attends to everything
    return Gemma3TextConfig(
        vocab_size=vocabulary, head_dim=32, query_pre_attn_scalar=32, sliding_window=8, **sizes, **HEADS
    )


def seeing(vocabulary: int) -> Any:
    """Gemma 3 as its larger models come: the language part beside eyes."""
    from transformers import Gemma3Config

    eyes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return Gemma3Config(
        text_config=gemma3(vocabulary).to_dict(), vision_config={**eyes, "image_size": 28, "patch_size": 14}
    )


FAMILIES: dict[str, tuple[Callable[[int], Any], Callable[[], Any]]] = {
    "llama": (llama, lambda: byte_level("smollm")),
    "llama-3": (llama, lambda: byte_level("llama-bpe")),
    "gpt-2 cut": (llama, lambda: byte_level("gpt-2")),
    "qwen2": (qwen2, lambda: byte_level("qwen2")),
    "gemma": (gemma, sentencepiece),
    "gemma2": (gemma2, sentencepiece),
    "gemma3": (gemma3, sentencepiece),
    "gemma3 with eyes": (seeing, sentencepiece),
}
READ = [family for family in FAMILIES if family != "gemma"]  # the first of Gemma only llama.cpp reads


def random_model(family: str, folder: Path, **changes: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    configure, tokenize = FAMILIES[family]
    tokenizer = tokenize()
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    torch.manual_seed(3)
    config = configure(len(tokenizer) + 5)  # a vocabulary padded past its tokens, as Qwen's is
    config.update(changes)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # norms and biases that are not all ones and zeros
            parameter.normal_(0.0, 0.1) if parameter.dim() == 1 or "embed" in name else parameter.normal_(0.0, 0.15)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model, tokenizer


@pytest.mark.parametrize("family", READ)
@pytest.mark.parametrize(("type", "tolerance"), [("f32", 1e-4), ("f16", 2e-2), ("q8_0", 0.1)])
def test_gguf_read_back_gives_the_same_logits(family: str, type: Any, tolerance: float, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model, tokenizer = random_model(family, tmp_path / "model")
    export_gguf(tmp_path / "model", tmp_path / "out" / "mine.gguf", type)
    if family.startswith("gemma"):  # the file says it, the reader takes the default: llama.cpp computes it itself
        _check_metadata(tmp_path / "out" / "mine.gguf", family)
    read = AutoModelForCausalLM.from_pretrained(
        str(tmp_path / "out"), gguf_file="mine.gguf", dtype=torch.float32, **_unread(model.config)
    )
    ids = tokenizer(TEXTS[0])["input_ids"]
    found, wanted = logits(read, ids), logits(model, ids)
    assert torch.allclose(found, wanted, atol=tolerance * wanted.abs().max().item())
    assert wanted.std() > 0.05  # they do say something


LLAMA_CPP = """
import json, sys
import xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.n_ctx, options.n_parallel, options.warmup = sys.argv[1], 128, 1, False
options.cpuparams.n_threads = 1
server = xllamacpp.Server(options)
asked = {"temperature": 0, "n_predict": 1, "n_probs": 10, "cache_prompt": False}
print(json.dumps([server.handle_completions({"prompt": text, **asked}) for text in sys.argv[2:]]))
"""


@pytest.mark.parametrize("family", FAMILIES)
def test_llama_cpp_reads_it_to_the_same_tokens_and_probabilities(family: str, tmp_path: Path) -> None:
    model, tokenizer = random_model(family, tmp_path / "model")
    export_gguf(tmp_path / "model", tmp_path / "mine.gguf", "f32")
    command = [sys.executable, "-c", LLAMA_CPP, str(tmp_path / "mine.gguf"), *TEXTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    compared = 0
    for text, said in zip(TEXTS, json.loads(done.stdout), strict=True):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert said["usage"]["prompt_tokens"] == len(ids), text
        wanted = logits(model, ids)[-1].log_softmax(-1)
        if said["choices"][0]["logprobs"]:  # none where the one token is half a character
            first = said["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            assert first[0]["id"] == int(wanted.argmax())
            assert all(abs(top["logprob"] - float(wanted[top["id"]])) < 0.01 for top in first)
            compared += 1
    assert compared >= 2


def _unread(config: Any) -> dict[str, Any]:
    """What Transformers' reader of GGUF does not read, and llama.cpp computes from the heads' width."""
    text = config.get_text_config()
    return {"query_pre_attn_scalar": text.query_pre_attn_scalar} if hasattr(text, "query_pre_attn_scalar") else {}


def _check_metadata(file: Path, family: str) -> None:
    from gguf import GGUFReader

    fields = GGUFReader(file).fields
    assert fields[f"{family[:6]}.attention.sliding_window"].contents() == 8
    if family == "gemma2":
        assert fields["gemma2.attn_logit_softcapping"].contents() == 50.0
        assert fields["gemma2.final_logit_softcapping"].contents() == 30.0
    else:
        assert fields["gemma3.rope.freq_base_swa"].contents() == 10_000.0


@pytest.mark.parametrize("family", READ)
def test_gguf_read_back_gives_the_same_tokens_and_template(family: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    _, tokenizer = random_model(family, tmp_path / "model")
    export_gguf(tmp_path / "model", tmp_path / "mine.gguf", "f16")
    read = AutoTokenizer.from_pretrained(str(tmp_path), gguf_file="mine.gguf")
    assert read.chat_template == tokenizer.chat_template
    assert (read.bos_token_id, read.eos_token_id) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    # The reader knows no `smollm` and cuts digits otherwise; llama.cpp knows it.
    texts = [text for text in TEXTS if family != "llama" or not any(c.isdigit() for c in text)]
    for text in [*texts, render_prompt(tokenizer, [{"role": "user", "content": "hello"}])]:
        found, wanted = (t(text, add_special_tokens=False)["input_ids"] for t in (read, tokenizer))
        assert found == wanted, text


def test_llama_3_s_stretched_rope_is_written_as_factors(tmp_path: Path) -> None:
    import numpy as np
    import torch
    from gguf import GGUFReader
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rope = {"rope_type": "llama3", "rope_theta": 1000.0, "factor": 8.0, "low_freq_factor": 1.0}
    rope |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 64}
    model, _ = random_model("llama-3", tmp_path / "model", rope_parameters=rope)
    export_gguf(tmp_path / "model", tmp_path / "mine.gguf", "f16")
    factors = next(t for t in GGUFReader(tmp_path / "mine.gguf").tensors if t.name == "rope_freqs.weight").data
    stretched, _ = ROPE_INIT_FUNCTIONS["llama3"](model.config, torch.device("cpu"))
    plain = 1.0 / 1000.0 ** (torch.arange(0, 16, 2) / 16)
    assert np.allclose(plain.numpy() / factors, stretched.numpy(), rtol=1e-5)


def test_what_gguf_has_no_word_for_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    random_model("llama", tmp_path / "yarn", rope_parameters={"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0})
    with pytest.raises(InputError, match="rope of type 'yarn'"):
        export_gguf(tmp_path / "yarn", tmp_path / "out" / "mine.gguf", "f16")
    random_model("gemma2", tmp_path / "scaled", query_pre_attn_scalar=100)
    with pytest.raises(InputError, match="scaled by 100, not by the heads' width 32"):
        export_gguf(tmp_path / "scaled", tmp_path / "out" / "mine.gguf", "f16")
    assert list((tmp_path / "out").iterdir()) == []
    config = json.loads((tmp_path / "yarn" / "config.json").read_text())
    (tmp_path / "yarn" / "config.json").write_text(json.dumps(config | {"model_type": "mistral"}))
    with pytest.raises(InputError, match="type 'mistral'; GGUF is written for llama, qwen2"):
        export_gguf(tmp_path / "yarn", tmp_path / "mine.gguf", "f16")
    with pytest.raises(InputError, match="GGUF type 'q2'"):
        export_gguf(tmp_path / "scaled", tmp_path / "mine.gguf", "q2")  # type: ignore[arg-type]

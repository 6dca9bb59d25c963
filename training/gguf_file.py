"""A merged model as one GGUF file for llama.cpp: weights, tokenizer and chat template, of Llama, Qwen2, Gemma.

export_gguf(Path("merged"), Path("mine.gguf"), "q8_0")

The `gguf` library writes the file and knows llama.cpp's names; what is here is what llama.cpp's converter does to the
values: rows of Llama's queries and keys in another order, Gemma's norms counted from one, Llama 3's rope factors.
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from venire._common.errors import InputError
from venire._common.progress import counted

Type = Literal["f32", "f16", "q8_0"]
TYPES: tuple[Type, ...] = ("f32", "f16", "q8_0")
_ARCHITECTURES = {"llama": "LLAMA", "qwen2": "QWEN2", "gemma": "GEMMA", "gemma2": "GEMMA2", "gemma3_text": "GEMMA3"}
_SEEING = ("gemma3",)  # models that see too; their language part's names begin so:
_LANGUAGE = re.compile(r"(?:model\.)?language_model\.(?:model\.)?")
_BLOCK = 32  # numbers that share one scale in Q8_0
# How a byte-level tokenizer cuts text before its merges, and llama.cpp's name for it.
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CUTS = {_QWEN2: "qwen2", _QWEN2.replace(r"\p{N}| ?", r"\p{N}{1,3}| ?"): "llama-bpe"}


def export_gguf(folder: Path, file: Path, type: Type, say: Callable[[str], None] = lambda line: None) -> Path:
    """Write the model in `folder` (config, tokenizer, safetensors) to `file`; gives `file`. `say` hears of each tensor.

    Matrices are stored as `type`, everything else in float32, as llama.cpp does; of a model that sees too (Gemma 3),
    the part that reads and writes text. Raises InputError for a model of
    another family, one with a feature that GGUF has no word for, or a tokenizer that llama.cpp would cut otherwise.
    """
    import gguf

    if type not in TYPES:
        raise InputError(f"GGUF type {type!r}: one of {', '.join(TYPES)}")
    model = _Model(folder)
    names = gguf.get_tensor_name_map(model.architecture, model.config.num_hidden_layers)
    found = {name: (plain, shape) for name, shape in model.shapes().items() if (plain := model.plain(name))}
    tensors = [(name, _mapped(names, plain), shape) for name, (plain, shape) in found.items()]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    writer = gguf.GGUFWriter(part, gguf.MODEL_ARCH_NAMES[model.architecture])
    try:
        _describe(writer, model, type)
        _add_tokenizer(writer, folder, model.config.vocab_size)
        rope = model.rope_factors()
        if rope is not None:
            writer.add_tensor_info("rope_freqs.weight", rope.shape, rope.dtype, rope.nbytes)
        for _, name, shape in tensors:
            _announce(writer, name, shape, _type_of(name, shape, type))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if rope is not None:
            writer.write_tensor_data(rope)
        began = time.monotonic()
        for number, (source, name, shape) in enumerate(tensors, start=1):
            quantized = gguf.quants.quantize(model.values(source), _type_of(name, shape, type))
            writer.write_tensor_data(quantized)
            say(counted(file.name, number, len(tensors), "tensors", time.monotonic() - began))
        writer.close()
        part.replace(file)
    except BaseException:
        writer.close()
        part.unlink(missing_ok=True)
        raise
    return file


@dataclass
class _Model:
    """The folder of a model: its configuration, and its tensors as llama.cpp has them, one at a time."""

    folder: Path

    @cached_property
    def whole(self) -> Any:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(str(self.folder))
        if config.model_type not in (*_ARCHITECTURES, *_SEEING):
            known = ", ".join((*_ARCHITECTURES, *_SEEING))
            raise InputError(f"{self.folder}: a model of type {config.model_type!r}; GGUF is written for {known}")
        return config

    @property
    def config(self) -> Any:
        """Of the part that reads and writes text."""
        return self.whole.get_text_config()

    @property
    def family(self) -> str:
        return self.config.model_type

    @property
    def architecture(self) -> Any:
        import gguf

        return gguf.MODEL_ARCH[_ARCHITECTURES[self.family]]

    @property
    def head_dim(self) -> int:
        given = getattr(self.config, "head_dim", None)
        return int(given or self.config.hidden_size // self.config.num_attention_heads)

    def rope(self, layers: str = "full_attention") -> dict[str, Any]:
        """The rope parameters: one set, or in Gemma 3 one for each kind of layer."""
        found = self.config.rope_parameters
        return found.get(layers, found)

    def plain(self, name: str) -> str | None:
        """A tensor's name in a model that only reads and writes text; None for one that has no place in the file."""
        if self.whole.model_type in _SEEING:
            own = _LANGUAGE.match(name)
            if own is None and not name.startswith("lm_head."):
                return None  # the eyes, which llama.cpp keeps in another file
            rest = name[own.end() :] if own else name
            name = rest if rest.startswith("lm_head.") else f"model.{rest}"
        tied = name == "lm_head.weight" and self.whole.tie_word_embeddings
        return None if tied or name.endswith("rotary_emb.inv_freq") else name

    def shapes(self) -> dict[str, list[int]]:
        """Shape of every tensor, in the order of the files."""
        found: dict[str, list[int]] = {}
        for file in self._files:
            with _opened(file) as tensors:
                found |= {name: list(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
        return found

    def values(self, name: str) -> np.ndarray:
        """A tensor in float32, as llama.cpp expects it."""
        values = self._read(name)
        if self.family.startswith("gemma") and name.endswith("norm.weight"):
            return values + 1  # Transformers adds the one as it computes
        if self.family == "llama" and (found := re.search(r"\.([qk])_proj\.(weight|bias)$", name)):
            heads = self.config.num_attention_heads if found[1] == "q" else self.config.num_key_value_heads
            return _interleave(values, heads)
        return values

    def rope_factors(self) -> np.ndarray | None:
        """Llama 3's stretched wavelengths, one factor a frequency; None for other ropes."""
        rope = self.rope()
        if rope.get("rope_type") != "llama3":
            return None
        old, low, high = (rope[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
        factors = []
        for i in range(0, self.head_dim, 2):
            wavelength = 2 * math.pi * rope["rope_theta"] ** (i / self.head_dim)
            if wavelength < old / high:
                factors.append(1.0)
            elif wavelength > old / low:
                factors.append(float(rope["factor"]))
            else:
                smooth = (old / wavelength - low) / (high - low)
                factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
        return np.array(factors, dtype=np.float32)

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.safetensors"))

    @cached_property
    def _places(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for file in self._files:
            with _opened(file) as tensors:
                found |= dict.fromkeys(tensors.keys(), file)
        return found

    def _read(self, name: str) -> np.ndarray:
        with _opened(self._places[name]) as tensors:
            return tensors.get_tensor(name).float().numpy()  # torch, because numpy has no bfloat16


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    from safetensors import safe_open

    with safe_open(str(file), framework="pt") as tensors:
        yield tensors


def _interleave(values: np.ndarray, heads: int) -> np.ndarray:
    """From Transformers' order of a head's rows (first halves, second halves) to llama.cpp's (pairs)."""
    half = values.shape[0] // heads // 2
    return values.reshape(heads, 2, half, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def _mapped(names: Any, name: str) -> str:
    found = names.get_name(name, try_suffixes=(".weight", ".bias"))
    if found is None:
        raise InputError(f"tensor {name!r} has no name in GGUF; merge the adapter first, and take a plain text model")
    return found


def _type_of(name: str, shape: list[int], type: Type) -> Any:
    """How a tensor is stored: vectors and norms in float32; a matrix whose rows make no whole blocks in float16."""
    from gguf import GGMLQuantizationType as Stored

    if len(shape) < 2 or "norm" in name or type == "f32":
        return Stored.F32
    return Stored.Q8_0 if type == "q8_0" and shape[-1] % _BLOCK == 0 else Stored.F16


def _announce(writer: Any, name: str, shape: list[int], stored: Any) -> None:
    from gguf import GGML_QUANT_SIZES, quant_shape_to_byte_shape

    block, size = GGML_QUANT_SIZES[stored]
    count = math.prod(shape) // block * size
    if block == 1:
        writer.add_tensor_info(name, shape, np.dtype(np.float16 if size == 2 else np.float32), count)
    else:
        writer.add_tensor_info(name, quant_shape_to_byte_shape(shape, stored), np.dtype(np.uint8), count, stored)


def _describe(writer: Any, model: _Model, type: Type) -> None:
    import gguf

    config = model.config
    stored = {"f32": "ALL_F32", "f16": "MOSTLY_F16", "q8_0": "MOSTLY_Q8_0"}[type]
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(model.folder.name)
    writer.add_file_type(gguf.LlamaFileType[stored])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_key_length(model.head_dim)
    writer.add_value_length(model.head_dim)
    if not model.family.startswith("gemma"):
        writer.add_rope_dimension_count(model.head_dim)
    _describe_rope(writer, model)
    if model.family.startswith("gemma"):
        _describe_gemma(writer, model)


def _describe_rope(writer: Any, model: _Model) -> None:
    import gguf

    rope = model.rope()
    kind = rope.get("rope_type", "default")
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))
    elif kind not in ("default", "llama3"):
        raise InputError(f"{model.folder}: rope of type {kind!r}; GGUF is written for default, linear and llama3")


def _describe_gemma(writer: Any, model: _Model) -> None:
    config = model.config
    if model.family == "gemma":
        return  # the first has none of this
    if config.query_pre_attn_scalar != model.head_dim:
        raise InputError(
            f"{model.folder}: attention is scaled by {config.query_pre_attn_scalar}, not by the heads' width "
            f"{model.head_dim}; GGUF has no word for that"
        )
    if config.sliding_window:
        writer.add_sliding_window(config.sliding_window)
    if config.attn_logit_softcapping:
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
    if config.final_logit_softcapping:
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if model.family == "gemma3_text":
        writer.add_rope_freq_base_swa(float(model.rope("sliding_attention")["rope_theta"]))


def _add_tokenizer(writer: Any, folder: Path, size: int) -> None:
    """Vocabulary, merges or scores, special tokens, chat template."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens, types = _vocabulary(tokenizer, state, size)
    if state["model"]["type"] != "BPE":
        raise InputError(f"{folder}: a tokenizer of type {state['model']['type']}; GGUF is written for BPE")
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in state["model"]["merges"]]
    if state["model"]["byte_fallback"]:
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores(_scores(tokens, merges))
        writer.add_add_space_prefix(_adds_space(state))
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(_cut(folder, state))
        writer.add_token_merges(merges)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    for name in ("bos", "eos", "unk", "pad"):
        if (number := getattr(tokenizer, f"{name}_token_id")) is not None:
            getattr(writer, f"add_{name}_token_id")(number)
    writer.add_add_bos_token(tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id])
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _vocabulary(tokenizer: Any, state: dict[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Every token by its number and what kind it is; numbers that nobody uses are padding."""
    from gguf import TokenType

    names = {number: token for token, number in tokenizer.get_vocab().items()}
    added = {entry["id"]: entry for entry in state["added_tokens"]}
    tokens, types = [], []
    for number in range(size):
        token = names.get(number)
        if token is None:
            kind = TokenType.UNUSED
        elif number in added:
            kind = TokenType.CONTROL if added[number]["special"] else TokenType.USER_DEFINED
        elif re.fullmatch(r"<0x[0-9A-F]{2}>", token):
            kind = TokenType.BYTE
        else:
            kind = TokenType.NORMAL
        if token is not None and token == tokenizer.unk_token and state["model"]["byte_fallback"]:
            kind = TokenType.UNKNOWN
        tokens.append(token if token is not None else f"[PAD{number}]")
        types.append(int(kind))
    return tokens, types


def _scores(tokens: list[str], merges: list[str]) -> list[float]:
    """SentencePiece's scores: the earlier a token is merged, the higher; what is never merged comes last."""
    rank: dict[str, int] = {}
    for place, merge in enumerate(merges):
        rank.setdefault(merge.replace(" ", ""), place)
    return [-float(rank.get(token, len(merges))) for token in tokens]


def _adds_space(state: dict[str, Any]) -> bool:
    """Whether a space is put before the text, as Llama 2 does and Gemma does not."""
    text = json.dumps([state.get("normalizer"), state.get("pre_tokenizer")])
    return '"Prepend"' in text or '"prepend_scheme": "first"' in text or '"prepend_scheme": "always"' in text


def _cut(folder: Path, state: dict[str, Any]) -> str:
    """llama.cpp's name for how the text is cut before the merges. Raises InputError where it has none that we know."""
    pre = state.get("pre_tokenizer") or {}
    steps = pre.get("pretokenizers", [pre])
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex"):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits") and steps[1].get("use_regex"):
        return "smollm"
    if kinds == ["Split", "ByteLevel"] and (name := _CUTS.get(steps[0]["pattern"].get("Regex", ""))):
        return name
    raise InputError(
        f"{folder}: its tokenizer cuts text ({', '.join(map(str, kinds))}) in a way that llama.cpp is not known to "
        "share; export the merged weights, and convert them with llama.cpp's own converter"
    )

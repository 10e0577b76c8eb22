"""Words in file names for another form of the same weights: a precision, a packing, an average, a copy."""

from __future__ import annotations

from catalog.text.patterns import pattern

_PRECISIONS = ("fp16", "fp32", "bf16", "fp8", "int8", "int4", "half")
_PACKINGS = ("uint8", "q4", "q8", "q4f16", "bnb4", "quantized")
_AVERAGES = ("non_ema", "ema")
COPIES = ("merged", "with_past")
"""Written beside the parts that they are made of; in a name by itself each is a model of its own."""

_GGML = r"i?q\d_(?:k(?:_[sml])?|\d|xxs|xs|s|m|nl)"


def _any_of(*words: str) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


AT_END = pattern(rf"[._-]({_any_of(*_PRECISIONS, *_PACKINGS, *_AVERAGES, 'onnx_data')})$")
"""The variant of a stem, its last word: files of one stem are one model."""
WITHIN = pattern(rf"(?i)[._-]({_any_of(*_PRECISIONS, *_PACKINGS, *_AVERAGES, *COPIES)})(?=[._-]|$)")
"""Every word of a file's name that tells a copy of weights from the copies beside it."""
PRECISION_WORD = pattern(rf"(?i)(?<![a-z0-9])({_any_of(*_PRECISIONS, 'f16', 'f32')}|{_GGML})(?![a-z0-9])")
"""The word that says in which precision the weights of a file are."""
_QUANTIZATION = pattern(
    r"(?i)[-_. ](?:i?q\d(?:[_-](?:k|xxs|xs|s|m|l|nl|\d))*(?:[_-][sml])?|(?:u[dl]-)?i?q\d_\w+|tq[12]_0|mxfp4(?:_moe)?|nvfp4"
    r"|[fi](?:nt|p|loat)?(?:4|8|16|32)|bf16|fp8|half|gptq|awq|bnb|\d(?:\.\d{1,3})?-?(?:bit|bpw)|w\d{1,2}a\d{1,2}|non_ema|ema)$"
)
_IMPORTANCE = pattern(r"(?i)[-_. ](?:imat(?:rix)?|imx)(?=$)|(?<=[-_. ])i1-(?=i?q\d)")
"""What says that an importance matrix helped to quantise: `NAME.i1-Q4_K_M`, `NAME-Q4_K_M-imat`."""


def without_quantization(name: str) -> str:
    """The stem without a trailing quantisation or variant word: llama-3-8b.Q4_K_M → llama-3-8b."""
    shorter = _QUANTIZATION.sub("", _IMPORTANCE.sub("", name))
    return shorter if len(shorter) > 1 else name

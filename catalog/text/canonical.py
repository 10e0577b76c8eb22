"""Words in their one spelling: dtypes, frameworks, libraries, tasks. For documents as for queries."""

from __future__ import annotations

from collections.abc import Callable

from catalog.text.patterns import pattern
from catalog.text.slugs import stored_slug
from mappings.dtypes import aliases as dtype_aliases
from mappings.dtypes import dtypes, numpy_codes
from mappings.frameworks import spellings as frameworks
from mappings.languages import languages
from mappings.tasks import aliases as task_aliases

_SPACES = pattern(r"\s+")
_GGML_TYPE = pattern(r"I?Q\d(?:_[A-Z0-9]+)+|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4")


def dtype(text: str) -> str | None:
    """The canonical dtype: FP16, half, torch.float16, <f2 → F16; GGML's own names as they are; None for other words."""
    name = text.strip()
    if name.upper() in dtypes():
        return name.upper()
    bare = (
        name.lower()
        .removeprefix("torch.")
        .removeprefix("jnp.")
        .removeprefix("np.")
        .removeprefix("tf.")
        .lstrip("<>=|")
    )
    known = dtype_aliases().get(bare) or numpy_codes().get(bare)
    if known is not None:
        return known
    return name.upper() if is_ggml_type(name.upper()) else None


def is_ggml_type(name: str) -> bool:
    """Whether this is a quantised type or file type of GGML: Q4_0, Q4_K_M, IQ2_XS, TQ1_0, MXFP4."""
    return _GGML_TYPE.fullmatch(name) is not None


def framework(text: str) -> str:
    """The framework's usual name: pt → pytorch, sklearn → scikit-learn; others as they are, in lower case."""
    known = frameworks().get(stored_slug(text))
    return library(text) if known is None else known.name


def library(text: str) -> str:
    """A hub library's id: lower case, without blanks."""
    return _SPACES.sub("-", text.strip().lower())


def task(text: str) -> str:
    """The task as a pipeline tag: Text Classification, SEQ_CLS → text-classification."""
    name = stored_slug(text)
    return task_aliases().get(name, name.replace("_", "-"))


def rule(kind: str | None) -> Callable[[str], str] | None:
    """How the words of a field come to one spelling, by the table's column `canonical`; None for words that stay."""
    match kind:
        case "dtype":
            return lambda text: dtype(text) or text
        case "framework":
            return framework
        case "language":
            return lambda text: languages().get(text.strip().casefold(), text)
        case "library":
            return library
        case "task":
            return task
    return None

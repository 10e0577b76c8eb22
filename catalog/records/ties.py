"""Names by which models of one source are known in others, whatever their paths are there."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass

GLOBAL = ("md5:", "sha256:", "mlflow:", "mlflow-artifact:", "mlflow-run:", "uri:")
"""How join keys begin that mean the same in every source; others are of paths in one."""
RUN = "mlflow-run:"
LOGGED = ("mlflow:", "mlflow-artifact:")
LOCATION = "uri:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """`named` are those that files of the model speak of, whoever has them; `owned` those that its own weights have."""

    named: frozenset[str] = frozenset()
    owned: frozenset[str] = frozenset()


NO_TIES = Ties()

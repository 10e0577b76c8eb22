"""Addresses of TI-ONE: tione://REGION, or tione://REGION/WORKSPACE."""

from __future__ import annotations

import re

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass

SCHEME = "tione://"
_FORM = re.compile(
    r"tione://(?P<region>[a-z]{2,4}-[a-z0-9-]{2,40})(?:/(?P<workspace>[A-Za-z0-9_-]{1,64}))?/?"
)


@dataclass(frozen=True, slots=True)
class TioneAddress:
    """A region, and the workspace in it; empty means the default one."""

    region: str
    workspace: str

    @property
    def uri(self) -> str:
        return f"{SCHEME}{self.region}{f'/{self.workspace}' if self.workspace else ''}"


def parse_address(address: str) -> TioneAddress:
    """What the address names. Raises UserError."""
    match = _FORM.fullmatch(address)
    if match is None:
        raise UserError(
            "This is no address of TI-ONE.",
            advice="Write it as tione://ap-guangzhou or tione://REGION/WORKSPACE.",
        )
    return TioneAddress(match["region"], match["workspace"] or "")

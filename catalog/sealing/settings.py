"""The section of the keys; apart from what uses them, so that reading a setting imports no cryptography."""

from __future__ import annotations

from typing import ClassVar

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.sealing.names import checked_names
from catalog.settings.sections import setting

KINDS = ("file", "env", "command")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionSettings:
    """What encrypts the values of sensitive fields; without a key nothing is encrypted."""

    SECTION: ClassVar[str] = "encryption"

    key: str = setting(
        "",
        "Where the master key stands, as in file:/etc/modeldex/master.key, env:NAME or command:WORDS, of which the "
        "output is the key: 32 bytes, as 64 hex digits or Base64.",
    )
    previous_key: str = setting(
        "", "Where the master key stands that is given up; read by modeldex keys rotate --master alone."
    )
    keyring: str = setting(
        "", "File with the wrapped data keys, and nothing else; empty means keyring.json in the home folder."
    )
    sensitive: tuple[str, ...] = setting((), "Fields that are sensitive in every source.")
    command_seconds: float = setting(
        10.0, "Longest wait for the command that prints the master key.", unit="seconds", least=0.1, most=300
    )

    def __post_init__(self) -> None:
        """Raises UserError for what is no reference, and for fields that cannot be sensitive."""
        for name in ("key", "previous_key"):
            reference: str = getattr(self, name)
            kind, _, place = reference.partition(":")
            if reference and (kind not in KINDS or not place.strip()):
                raise UserError(
                    f"encryption.{name} says where a key stands, and is none itself.",
                    advice="Write file:PATH, env:NAME or command:WORDS.",
                )
        checked_names(self.sensitive)

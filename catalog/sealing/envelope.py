"""Bytes sealed under a data key, bound to the place that they belong to: AES-256-GCM, a fresh key for each message.

A sealed value is a mark, the id of its data key, a salt, a nonce and the ciphertext. The key of the message is derived of
data key and salt, so that no pair of key and nonce is ever used twice, however many messages there are.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Final

from catalog.sealing.faults import KeyUnusable, SealBroken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEALED: Final = b"\x01"
"""No other bytes of the store begin so: what is packed begins with an x."""
KEY_BYTES: Final = 32
ID_BYTES: Final = 8
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
BLOCK_BYTES: Final = 64
"""Sealed lengths tell of values by this much alone."""
TOKEN_BYTES: Final = 16
_HEADER_BYTES: Final = len(SEALED) + ID_BYTES + SALT_BYTES + NONCE_BYTES


def bound(*parts: str | bytes) -> bytes:
    """What a value belongs to, so that no two places come to the same bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(8, "big") + part for part in encoded)


def is_sealed(data: bytes) -> bool:
    """Whether these bytes of the store are sealed."""
    return data[:1] == SEALED


def key_id_of(data: bytes) -> str:
    """The id of the data key under which these bytes are sealed, as hex."""
    return data[1 : 1 + ID_BYTES].hex()


def sealed(data: bytes, *, key_id: str, key: bytes, place: bytes) -> bytes:
    """The bytes as nobody reads or moves them without the key. Raises KeyUnusable where nothing can be sealed here."""
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    padding = -(len(data) + 4) % BLOCK_BYTES
    padded = len(data).to_bytes(4, "big") + data + bytes(padding)
    head = SEALED + bytes.fromhex(key_id) + salt
    ciphertext = _cipher(key, salt).encrypt(nonce, padded, head + place)
    return head + nonce + ciphertext


def opened(data: bytes, *, key: bytes, place: bytes) -> bytes:
    """The bytes that were sealed for this place. Raises SealBroken for any others, KeyUnusable."""
    head, nonce = data[: _HEADER_BYTES - NONCE_BYTES], data[_HEADER_BYTES - NONCE_BYTES : _HEADER_BYTES]
    salt = head[-SALT_BYTES:]
    cipher = _cipher(key, salt)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as the cipher

    try:
        padded = cipher.decrypt(nonce, data[_HEADER_BYTES:], head + place)
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error
    return padded[4 : 4 + int.from_bytes(padded[:4], "big")]


def token(key: bytes, field: str, text: str) -> bytes:
    """What stands for one value of a field where values are looked up: the same for the same key alone."""
    keyed = hmac.new(key, b"equality", hashlib.sha256).digest()
    return hmac.new(keyed, bound(field, text), hashlib.sha256).digest()[:TOKEN_BYTES]


def fingerprint(key: bytes) -> str:
    """A name for a key that gives nothing of it away."""
    return hmac.new(key, b"name of this key", hashlib.sha256).hexdigest()[: 2 * ID_BYTES]


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    """Of one message."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - 40 ms that a store without keys need not pay
    except ImportError as error:
        raise KeyUnusable(
            "Nothing can be sealed or opened here: the package cryptography is not installed; "
            "pip install 'modeldex[encryption]'."
        ) from error
    return AESGCM(_message_key(key, salt))


def _message_key(key: bytes, salt: bytes) -> bytes:
    return hmac.new(key, b"message" + salt, hashlib.sha256).digest()

"""The master key, from where a setting says that it stands: a file, a variable, or what a command prints."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import selectors
import shlex
import subprocess
import time
from pathlib import Path

from catalog.sealing.envelope import KEY_BYTES
from catalog.sealing.faults import KeyUnusable
from catalog.settings.loading import referred

OUTPUT_BYTES = 4_096
"""Of a command: more is no key."""
HEX_DIGITS = 2 * KEY_BYTES


def read_master_key(reference: str, *, what: str, seconds: float) -> bytes:
    """The key of this reference. Raises UserError, which never holds the key."""
    kind, _, place = reference.partition(":")
    text = _printed(place, what, seconds) if kind == "command" else referred(reference, what=what)
    return _decoded(text.strip(), what)


def write_master_key(path: Path) -> None:
    """A new random key in a file that only its owner reads. Raises KeyUnusable where there is a file already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyUnusable(f"{path} is there already.", advice="A key is never overwritten.") from error
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())


def _decoded(text: str, what: str) -> bytes:
    try:
        key = bytes.fromhex(text) if len(text) == HEX_DIGITS else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnusable(
            f"What {what} names is no key.", advice="A key is 32 bytes: 64 hex digits, or Base64."
        )
    return key


def _printed(command: str, what: str, seconds: float) -> str:
    try:
        words = shlex.split(command)
        process = subprocess.Popen(  # noqa: S603 - whoever writes the settings may run what they name
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except (OSError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or "it is no command"
        raise KeyUnusable(f"The command of {what} cannot be run: {reason}.") from error
    with process:
        try:
            output = _bounded_output(process, time.monotonic() + seconds)
        finally:
            process.kill()
    if output is None:
        raise KeyUnusable(
            f"The command of {what} did not end within {seconds:g} s with up to 4 kB of output."
        )
    if process.returncode:
        raise KeyUnusable(f"The command of {what} failed with exit code {process.returncode}.")
    return output.decode("ascii", "replace")


def _bounded_output(process: subprocess.Popen[bytes], deadline: float) -> bytes | None:
    """All that the process prints, waited for; None if that is too much or takes too long."""
    stream = process.stdout
    assert stream is not None, "it was opened with a pipe"
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(output) <= OUTPUT_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            part = os.read(stream.fileno(), OUTPUT_BYTES)
            if not part:
                break
            output += part
    if len(output) > OUTPUT_BYTES:
        return None
    try:
        process.wait(max(0.01, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    return output

"""Accounts as pages and commands use them: signing in, passwords, tokens. Every change leaves a line in the audit.

Passwords are hashed by argon2 with the parameters of RFC 9106 (low memory) that its library has as defaults; tokens and
sessions are random, so a plain digest of them is enough, and each is compared by its digest.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from catalog.access.event_notes import with_store
from catalog.access.grants import sources_by_name
from catalog.access.permissions import principal_of
from catalog.access.principals import OWNER
from catalog.access.scopes import (
    NO_NAMES,
    calls_by_name,
    check_scope,
    check_sources,
    scope_doubt,
    sources_called,
)
from catalog.access.user_mark import mark_users
from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.records.accounts import (
    REPORTER,
    ROLES,
    Effect,
    Grant,
    Happening,
    Role,
    Token,
    TokenId,
    User,
    UserId,
)
from catalog.text.folding import is_text

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from catalog.access.principals import Principal
    from catalog.access.readers import AccountReader
    from catalog.settings import Settings
    from catalog.store import Store

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+|-]{0,63}")
"""ASCII alone: two names that look alike are the same."""
PASSWORD_CHARACTERS = range(12, 1_001)
"""Source: NIST SP 800-63B-4, 3.1.1.2, which asks for 15 where a password is all there is, and for no rules of letters."""
TOKEN_PREFIX = "mdx"  # noqa: S105 - what tokens begin with, so that scanners for secrets know them
TOKEN = re.compile(rf"{TOKEN_PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")
SESSION_HOURS = 12
LONGEST_TOKEN_DAYS = 366
USE_NOTED_SECONDS = 3_600
"""A token's last use is written at most so often: it is there to find tokens that nobody needs."""
HASHES_AT_ONCE = 2
"""Each takes 64 MB and a tenth of a second: more at once would be a way to silence the server."""
_HASHING = threading.BoundedSemaphore(HASHES_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who changes something, as the audit names them, and from where."""

    actor: str
    origin: str


class Accounts:
    """The accounts of one catalog. `store` is open for reading; what changes something opens it for writing.

    `hasher` is the library's own with its defaults, if no other is given.
    """

    def __init__(
        self, settings: Settings, store: Callable[[], AccountReader], hasher: PasswordHasher | None = None
    ) -> None:
        self._settings = settings
        self._store = store
        self._hasher = hasher

    def are_set_up(self) -> bool:
        """Whether there is any user. Raises StoreError."""
        return self._store().are_set_up()

    # Who asks

    def by_session(self, secret: str) -> Principal | None:
        user = self._store().of_session(_digest(secret)) if secret else None
        return None if user is None else self._principal(user)

    def by_token(self, text: str) -> Principal | None:
        """The principal of a token as it was shown once; None for one that is no token, is over or was revoked."""
        match = TOKEN.fullmatch(text)
        known = self._store().of_token(match[1], _digest(text)) if match else None
        if known is None:
            return None
        user, token = known
        now = datetime.now(UTC)
        if token.used_at is None or (now - token.used_at).total_seconds() > USE_NOTED_SECONDS:
            with_store(self._settings, lambda store: store.accounts.note_use(token.id))
        return self._principal(user, token)

    def by_name(self, name: str) -> Principal | None:
        """The principal that somebody who is trusted names; None for a name that is not set up, or disabled."""
        user = self._store().named(name) if NAME.fullmatch(name) else None
        return None if user is None or user.is_disabled else self._principal(user)

    def _principal(self, user: User, token: Token | None = None) -> Principal:
        scopes = [*(grant.scope for grant in user.grants), *([token.scope] if token is not None else [])]
        return principal_of(user, token, sources=self._names(scopes))

    def _names(self, scopes: Iterable[str]) -> Mapping[str, str]:
        """The ids of sources by name, if a scope of an earlier version calls one by it."""
        return self._store().source_names() if any(map(calls_by_name, scopes)) else NO_NAMES

    def label_of(self, grant: Grant) -> str:
        """What was granted, and which source is meant where its name stands in it; why nothing is granted by what this version does
        not understand.
        """
        called = sources_called(grant.scope, self._names([grant.scope]))
        notes = [
            f"{name} is the source {source}" if source else f"no source, or more than one, is called {name}"
            for name, source in called.items()
        ]
        if doubt := scope_doubt(grant.scope):
            meant = "it denies everything" if grant.effect is Effect.DENY else "it grants nothing"
            notes.append(f"{meant}: {doubt}")
        label = grant.label or f"{grant.effect.value} {', '.join(sorted(grant.actions))}"
        return f"{label} ({'; '.join(notes)})" if notes else label

    # Signing in and out

    def sign_in(self, name: str, password: str, origin: str) -> str | None:
        """The secret of a new session; None for a wrong name or password, which take the same time."""
        user = self._store().named(name) if NAME.fullmatch(name) else None
        hashed = self._store().password_of(user.id) if user is not None else None
        # Its first making takes as long as a comparison, for whichever name comes first.
        decoy = self._decoy
        is_right = self._verified(hashed or decoy, password) and hashed is not None
        if user is None or user.is_disabled or not is_right:
            # What was typed may well be a password in the wrong place.
            tried = "unknown name" if user is None else user.name
            self.note("sign-in", tried, Visit(tried, origin), outcome="refused")
            return None
        if hashed is not None and self._passwords.check_needs_rehash(hashed):
            weaker, hashed = hashed, self._hashed(password)
            with_store(self._settings, lambda store: store.accounts.rehash(user.id, weaker, hashed))
        return self.open_session(user.id, user.name, origin, password=hashed)

    def sign_in_elsewhere(self, name: str, origin: str) -> str | None:
        """The secret of a new session of whom a provider names; None for a name that is not set up, or disabled."""
        user = self._store().named(name) if NAME.fullmatch(name) else None
        if user is None or user.is_disabled:
            tried = "unknown name" if user is None else user.name
            self.note("sign-in", tried, Visit(tried, origin), outcome="refused")
            return None
        return self.open_session(user.id, user.name, origin)

    def open_session(
        self, user: UserId, name: str, origin: str, *, password: str | None = None
    ) -> str | None:
        """The secret of a new session of somebody who is known by now, by a password of this hash if one is given; None if that
        is over: the user was disabled, or given another password, while they signed in.
        """
        secret = secrets.token_urlsafe(32)
        ends = datetime.now(UTC) + timedelta(hours=SESSION_HOURS)
        is_open = with_store(
            self._settings,
            lambda store: store.accounts.open_session(user, _digest(secret), ends, password=password),
        )
        self.note("sign-in", name, Visit(name, origin), outcome="done" if is_open else "refused")
        return secret if is_open else None

    def sign_out(self, secret: str, visit: Visit) -> None:
        with_store(self._settings, lambda store: store.accounts.close_session(_digest(secret)))
        self.note("sign-out", visit.actor, visit)

    # Users

    def all(self) -> list[User]:
        return with_store(self._settings, lambda store: store.accounts.all())

    def named(self, name: str) -> User:
        """Raises UserError where there is none."""
        user = with_store(self._settings, lambda store: store.accounts.named(name))
        if user is None:
            raise UserError(f"There is no user {name!r}.", advice="List them with: modeldex users list")
        return user

    def add(self, name: str, password: str | None, grants: Sequence[Grant], visit: Visit) -> User:
        """A new user. Raises UserError for a name or a password that is no good."""
        if not NAME.fullmatch(name):
            raise UserError(
                "A user's name is up to 64 letters, digits and . _ @ + | -, and begins with one of the first two."
            )
        if name.casefold() in {OWNER.name, REPORTER}:
            raise UserError(
                f"{name} is in the history already, for somebody who is no user: take another name."
            )
        hashed = None if password is None else self._hashed(checked_password(password, name))
        mark_users(self._settings)
        user = with_store(self._settings, lambda store: store.accounts.add(name, hashed, grants))
        self.note("users.add", user.name, visit, after={"grants": [grant.label for grant in grants]})
        return user

    def set_password(self, user: User, password: str, visit: Visit) -> None:
        """Sets it; every session of the user ends, every token is revoked."""
        hashed = self._hashed(checked_password(password, user.name))
        with_store(self._settings, lambda store: store.accounts.set_password(user.id, hashed))
        self.note("users.password", user.name, visit)

    def change_password(self, name: str, old: str, new: str, visit: Visit) -> None:
        """Sets it for who knows the old one. Raises UserError."""
        user = self.named(name)
        hashed = self._store().password_of(user.id)
        if not self._verified(hashed or self._decoy, old) or hashed is None:
            self.note("users.password", user.name, visit, outcome="refused")
            raise UserError("The old password is not that.")
        self.set_password(user, new, visit)

    def set_disabled(self, user: User, visit: Visit, *, disabled: bool) -> None:
        with_store(self._settings, lambda store: store.accounts.set_disabled(user.id, disabled=disabled))
        self.note("users.disable" if disabled else "users.enable", user.name, visit)

    def grant(self, user: User, grants: Sequence[Grant], visit: Visit, *, replace: bool = False) -> None:
        """Grants these, beside those that there are or in their place."""

        def work(store: Store) -> None:
            (store.accounts.replace_grants if replace else store.accounts.grant)(user.id, grants)

        with_store(self._settings, work)
        before = [grant.label for grant in user.grants]
        after = (
            [grant.label for grant in grants] if replace else [*before, *(grant.label for grant in grants)]
        )
        self.note("users.grant", user.name, visit, before={"grants": before}, after={"grants": after})

    def withdraw(self, user: User, grant: int, visit: Visit) -> None:
        """Takes the grant of this number back. Raises UserError where there is none."""
        if not with_store(self._settings, lambda store: store.accounts.withdraw(user.id, grant)):
            raise UserError(f"{user.name} has no grant {grant}.", advice="Look with: modeldex users list")
        taken = [known.label for known in user.grants if known.id == grant]
        self.note("users.withdraw", user.name, visit, before={"grants": taken})

    # Tokens

    def tokens(self, user: UserId | None = None) -> list[Token]:
        return with_store(self._settings, lambda store: store.accounts.tokens(user))

    def create_token(
        self, user: User, name: str, *, role: Role, scope: str, days: int, visit: Visit
    ) -> tuple[str, Token]:
        """The token's text, which nobody can be shown again, and what is kept of it. Raises UserError."""
        if user.is_disabled:
            raise UserError(f"{user.name} is disabled.")
        if not 1 <= days <= LONGEST_TOKEN_DAYS:
            raise UserError(f"A token is good for 1 to {LONGEST_TOKEN_DAYS} days.")
        if not (name.isprintable() and 0 < len(name.strip()) <= 100):
            raise UserError("A token's name says what it is for, in up to 100 characters.")
        scope = check_scope(scope) if scope.strip() else ""
        check_sources(scope, sources_by_name(self._settings) if scope else {})
        identifier = TokenId(secrets.token_hex(8))
        text = f"{TOKEN_PREFIX}_{identifier}_{secrets.token_urlsafe(32)}"
        token = with_store(
            self._settings,
            lambda store: store.accounts.add_token(
                user.id,
                token=identifier,
                name=name.strip(),
                digest=_digest(text),
                actions=ROLES[role],
                scope=scope,
                expires_at=datetime.now(UTC) + timedelta(days=days),
            ),
        )
        self.note(
            "tokens.create",
            f"{user.name}/{identifier}",
            visit,
            after={
                "name": token.name,
                "role": role.value,
                "scope": scope,
                "expires": f"{token.expires_at:%Y-%m-%d}",
            },
        )
        return text, token

    def revoke_token(self, token: str, visit: Visit, user: UserId | None = None) -> Token:
        """Raises UserError where there is none such that counts."""
        revoked = with_store(self._settings, lambda store: store.accounts.revoke(token, user))
        if revoked is None:
            raise UserError("There is no such token that counts.")
        self.note("tokens.revoke", f"{revoked.user_name}/{revoked.id}", visit, before={"name": revoked.name})
        return revoked

    @cached_property
    def _passwords(self) -> PasswordHasher:
        from argon2 import PasswordHasher  # noqa: PLC0415 - only who signs in needs it

        return self._hasher or PasswordHasher()

    @cached_property
    def _decoy(self) -> str:
        """What a password is compared with where there is none: a name that is not set up takes as long as one that is."""
        return self._hashed(secrets.token_urlsafe(32))

    def _hashed(self, password: str) -> str:
        with _HASHING:
            return self._passwords.hash(password)

    def _verified(self, hashed: str, password: str) -> bool:
        from argon2.exceptions import Argon2Error, InvalidHashError  # noqa: PLC0415 - as above

        if len(password) > PASSWORD_CHARACTERS[-1] or not is_text(password):
            return False
        try:
            with _HASHING:
                return self._passwords.verify(hashed, password)
        except (Argon2Error, InvalidHashError):
            return False

    def note(
        self,
        action: str,
        resource: str,
        visit: Visit,
        *,
        outcome: str = "done",
        before: object = None,
        after: object = None,
    ) -> None:
        """One line of the audit."""
        happening = Happening(
            actor=visit.actor,
            action=action,
            resource=resource,
            origin=visit.origin,
            outcome=outcome,
            before=before,
            after=after,
        )
        with_store(self._settings, lambda store: store.audit.add(happening))


def checked_password(password: str, name: str) -> str:
    """The password, if it may be one. Raises UserError."""
    if len(password) not in PASSWORD_CHARACTERS:
        shortest, longest = PASSWORD_CHARACTERS[0], PASSWORD_CHARACTERS[-1]
        raise UserError(f"A password has {shortest} to {longest:,} characters.")
    if not is_text(password):
        raise UserError("A password is text in UTF-8.")
    if name.casefold() in password.casefold() and len(name) > len(password) // 2:
        raise UserError("A password must not be mostly the name.")
    if len(set(password)) < 5:
        raise UserError("A password must have at least five different characters.")
    return password


def _digest(secret: str) -> str:
    from catalog.store.accounts import digest_of  # noqa: PLC0415 - the store is imported by who opens it

    return digest_of(secret)

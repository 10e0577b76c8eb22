"""Users, their grants, sessions and tokens. Holds digests and hashes, and no secret itself."""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from catalog.errors import UserError
from catalog.records.accounts import Action, Effect, Grant, Token, TokenId, User, UserId
from catalog.records.record import CLOCKS_DIFFER
from catalog.store.codec import instant, parse_instant
from catalog.store.sources import Sources
from catalog.store.tables import grants, sessions, tokens, users
from catalog.text.folding import fold

MAX_TOKENS = 100
"""Of one user that are neither expired nor revoked."""


class Accounts:
    """Reading and writing of accounts. Every change takes effect with the next request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def are_set_up(self) -> bool:
        """Whether there is any user, also one that is disabled: from then on nobody gets in without a name."""
        with self._engine.connect() as connection:
            return connection.execute(select(users.c.id).limit(1)).first() is not None

    def all(self) -> list[User]:
        """Every user by name, with what is granted to them."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(users).order_by(users.c.folded)).all()
            granted = _grants(connection, [row.id for row in rows])
        return [_user(row, granted[row.id]) for row in rows]

    def named(self, name: str) -> User | None:
        return self._chosen(users.c.folded == fold(name))

    def get(self, user: str) -> User | None:
        return self._chosen(users.c.id == user)

    def password_of(self, user: UserId) -> str | None:
        """The hash of the user's password."""
        with self._engine.connect() as connection:
            return connection.execute(select(users.c.password).where(users.c.id == user)).scalar_one_or_none()

    def add(self, name: str, password: str | None, granted: Sequence[Grant]) -> User:
        """A new user. Raises UserError where the name is taken."""
        row = {
            "id": secrets.token_hex(8),
            "name": name,
            "folded": fold(name),
            "password": password,
            "disabled": 0,
            "created_at": _now(),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(users), [row])
                _grant(connection, str(row["id"]), granted)
        except IntegrityError as error:
            raise UserError(f"There is a user {name!r} already.") from error
        user = self.get(str(row["id"]))
        assert user is not None  # it was written above
        return user

    def set_password(self, user: UserId, password: str) -> None:
        """The new hash; every session of the user ends, and every token is revoked."""
        with self._engine.begin() as connection:
            connection.execute(update(users).where(users.c.id == user).values(password=password))
            _end_all(connection, user)

    def rehash(self, user: UserId, known: str, password: str) -> None:
        """The password of the hash `known` with stronger parameters; nothing where another one was set meanwhile."""
        chosen = (users.c.id == user) & (users.c.password == known)
        with self._engine.begin() as connection:
            connection.execute(update(users).where(chosen).values(password=password))

    def set_disabled(self, user: UserId, *, disabled: bool) -> None:
        """Sessions and tokens of who is disabled are gone for good: who is enabled again signs in again."""
        with self._engine.begin() as connection:
            connection.execute(update(users).where(users.c.id == user).values(disabled=int(disabled)))
            if disabled:
                _end_all(connection, user)

    def grant(self, user: UserId, granted: Iterable[Grant]) -> None:
        with self._engine.begin() as connection:
            _grant(connection, user, granted)

    def replace_grants(self, user: UserId, granted: Iterable[Grant]) -> None:
        """These grants and no others, in one transaction."""
        with self._engine.begin() as connection:
            connection.execute(delete(grants).where(grants.c.user == user))
            _grant(connection, user, granted)

    def withdraw(self, user: UserId, grant: int) -> bool:
        """Takes a grant back; False if the user has none of this number."""
        chosen = (grants.c.user == user) & (grants.c.id == grant)
        with self._engine.begin() as connection:
            return connection.execute(delete(grants).where(chosen)).rowcount > 0

    def source_names(self) -> dict[str, str]:
        """The ids of sources by name: scopes of earlier versions may call them by it."""
        return Sources(self._engine).names()

    # Sessions

    def open_session(
        self, user: UserId, digest: str, expires_at: datetime, *, password: str | None = None
    ) -> bool:
        """A session under the digest of its secret; none, and False, for a user who is disabled by now, or whose hash is not
        the `password` any more that was compared. Sessions that are over are cleared away.
        """
        row = {"digest": digest, "user": user, "created_at": _now(), "expires_at": instant(expires_at)}
        with self._engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at < _now()))
            known = _locked(connection, user)
            if known is None or known.disabled or password not in {None, known.password}:
                return False
            connection.execute(insert(sessions), [row])
        return True

    def of_session(self, digest: str) -> User | None:
        """Whose session this is; None for one that is over, and for a user who is disabled."""
        now = datetime.now(UTC)
        chosen = select(sessions.c.user).where(
            sessions.c.digest == digest,
            sessions.c.expires_at > instant(now),
            sessions.c.created_at
            <= instant(now + CLOCKS_DIFFER),  # else it would last as long as a clock was wrong
        )
        with self._engine.connect() as connection:
            user = connection.execute(chosen).scalar_one_or_none()
        return None if user is None else self._enabled(user)

    def close_session(self, digest: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest))

    # Tokens

    def add_token(
        self,
        user: UserId,
        *,
        token: TokenId,
        name: str,
        digest: str,
        actions: frozenset[Action],
        scope: str,
        expires_at: datetime,
    ) -> Token:
        """A new token. Raises UserError where the user has too many, or is disabled."""
        row = {
            "id": token,
            "user": user,
            "name": name,
            "digest": digest,
            "actions": _written(actions),
            "scope": scope,
            "created_at": _now(),
            "expires_at": instant(expires_at),
        }
        counted = select(func.count()).where(
            tokens.c.user == user, tokens.c.revoked_at.is_(None), tokens.c.expires_at > _now()
        )
        with self._engine.begin() as connection:
            known = _locked(connection, user)
            if known is None or known.disabled:
                raise UserError("This user is disabled.")
            if connection.execute(counted).scalar_one() >= MAX_TOKENS:
                raise UserError(f"There are {MAX_TOKENS} tokens of this user.", advice="Revoke some of them.")
            connection.execute(insert(tokens), [row])
        return next(known for known in self.tokens(user) if known.id == token)

    def tokens(self, user: UserId | None = None) -> list[Token]:
        """Tokens of one user or of all, newest first, those that are over included."""
        chosen = select(tokens, users.c.name.label("user_name")).join(users, users.c.id == tokens.c.user)
        if user is not None:
            chosen = chosen.where(tokens.c.user == user)
        with self._engine.connect() as connection:
            rows = connection.execute(chosen.order_by(tokens.c.created_at.desc(), tokens.c.id)).all()
        return [_token(row) for row in rows]

    def of_token(self, token: str, digest: str) -> tuple[User, Token] | None:
        """Whose token of this id and digest it is; None for one that is over, and for a user who is disabled."""
        chosen = select(tokens, users.c.name.label("user_name")).join(users, users.c.id == tokens.c.user)
        with self._engine.connect() as connection:
            row = connection.execute(chosen.where(tokens.c.id == token)).one_or_none()
        if row is None or not secrets.compare_digest(row.digest, digest):
            return None
        known = _token(row)
        user = self._enabled(known.user) if known.is_valid(datetime.now(UTC)) else None
        return None if user is None else (user, known)

    def note_use(self, token: TokenId) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(tokens).where(tokens.c.id == token).values(used_at=_now()))

    def revoke(self, token: str, user: UserId | None = None) -> Token | None:
        """The token, which counts no more; None if there is none such that counts (of this user, if one is named)."""
        chosen = (tokens.c.id == token) & tokens.c.revoked_at.is_(None)
        if user is not None:
            chosen &= tokens.c.user == user
        with self._engine.begin() as connection:
            if not connection.execute(update(tokens).where(chosen).values(revoked_at=_now())).rowcount:
                return None
        return next(known for known in self.tokens() if known.id == token)

    def _enabled(self, user: str) -> User | None:
        known = self.get(user)
        return None if known is None or known.is_disabled else known

    def _chosen(self, condition: Any) -> User | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(users).where(condition)).one_or_none()
            return None if row is None else _user(row, _grants(connection, [row.id])[row.id])


def _locked(connection: Connection, user: UserId) -> Any:
    """The user's row, which nobody else changes until the transaction ends."""
    return connection.execute(select(users).where(users.c.id == user).with_for_update()).one_or_none()


def digest_of(secret: str) -> str:
    """What is kept of a random secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _end_all(connection: Connection, user: UserId) -> None:
    connection.execute(delete(sessions).where(sessions.c.user == user))
    live = (tokens.c.user == user) & tokens.c.revoked_at.is_(None)
    connection.execute(update(tokens).where(live).values(revoked_at=_now()))


def _grant(connection: Connection, user: str, granted: Iterable[Grant]) -> None:
    rows = [
        {
            "user": user,
            "effect": grant.effect.value,
            "actions": _written(grant.actions),
            "scope": grant.scope,
            "label": grant.label,
        }
        for grant in granted
    ]
    if rows:
        connection.execute(insert(grants), rows)


def _grants(connection: Connection, of: Sequence[str]) -> dict[str, list[Grant]]:
    granted: dict[str, list[Grant]] = defaultdict(list)
    for row in connection.execute(select(grants).where(grants.c.user.in_(of)).order_by(grants.c.id)):
        granted[row.user].append(
            Grant(
                id=row.id,
                effect=Effect(row.effect),
                actions=_read(row.actions),
                scope=row.scope,
                label=row.label,
            )
        )
    return granted


def _user(row: Any, granted: Sequence[Grant]) -> User:
    return User(
        id=UserId(row.id),
        name=row.name,
        is_disabled=bool(row.disabled),
        has_password=row.password is not None,
        created_at=parse_instant(row.created_at),
        grants=tuple(granted),
    )


def _token(row: Any) -> Token:
    return Token(
        id=TokenId(row.id),
        user=UserId(row.user),
        user_name=row.user_name,
        name=row.name,
        actions=_read(row.actions),
        scope=row.scope,
        created_at=parse_instant(row.created_at),
        expires_at=parse_instant(row.expires_at),
        used_at=None if row.used_at is None else parse_instant(row.used_at),
        revoked_at=None if row.revoked_at is None else parse_instant(row.revoked_at),
    )


def _written(actions: frozenset[Action]) -> str:
    return ",".join(sorted(actions))


def _read(actions: str) -> frozenset[Action]:
    """Raises ValueError for an action that this version does not know: rather nobody gets in than too many."""
    return frozenset(Action(action) for action in actions.split(",") if action)


def _now() -> str:
    return instant(datetime.now(UTC))

"""Signing in and out, passwords, and the tokens of boxes."""

import logging
import re
from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit.repository import AuditEntry, AuditRepository
from hub.auth.models import AccountRow, EdgeCredentialRow, SessionRow
from hub.auth.passwords import Passwords
from hub.auth.policy import EdgeIdentity, Role, Subject
from hub.auth.repository import AuthRepository
from hub.auth.schemas import SessionView
from hub.auth.throttle import LoginThrottle
from hub.auth.tokens import csrf_of, new_password, new_token, stored_form
from hub.clock import Clock, Ids
from hub.db.unit_of_work import UnitOfWork
from hub.errors import ConflictError, InvalidError, NotFoundError, NotSignedInError

logger = logging.getLogger(__name__)

SESSION_LIFE = timedelta(hours=12)
SESSION_END = timedelta(days=7)
"""How old a session gets that is always in use; a stolen cookie is worth nothing after that."""
PROLONG_AFTER = timedelta(minutes=5)
SHORTEST_PASSWORD = 12
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
AREA = re.compile(r"[0-9A-Z]{0,15}")
FIRST_USER = "admin"


@dataclass(frozen=True, repr=False)
class SignedIn:
    """A living session: who it is, and what the page may know; `token` is the browser's secret."""

    subject: Subject
    view: SessionView
    token: str


class AuthService:
    """What the hub knows about who is who."""

    def __init__(self, uow: UnitOfWork, audit: AuditRepository, clock: Clock, ids: Ids) -> None:
        self._uow = uow
        self._audit = audit
        self._clock = clock
        self._ids = ids
        self._repository = AuthRepository()
        self._passwords = Passwords()
        self._throttle = LoginThrottle(clock)

    async def create_first_user(self) -> SecretStr | None:
        """Create the administrator in an empty database and return the one-time password; None when somebody exists."""
        async with self._uow.read() as session:
            if await self._repository.any_account(session):
                return None
        password = SecretStr(new_password())
        hashed = await self._passwords.hash(password)
        async with self._uow.write() as session:
            if await self._repository.any_account(session):
                return None
            self._add_account(session, FIRST_USER, Role.ADMINISTRATOR, "", hashed)
        return password

    async def add_user(self, username: str, role: Role, area_prefix: str) -> SecretStr:
        """Create a person and return the one-time password.

        Raises:
            InvalidError: the name or the area is not usable.
            ConflictError: somebody has the name already, or the hub has not made its administrator yet.
        """
        username = username.lower()
        if not USERNAME.fullmatch(username):
            raise InvalidError("bad_username", f"user name {username!r} is not usable; take a-z, 0-9, '.', '_' and '-'")
        if not AREA.fullmatch(area_prefix):
            raise InvalidError("bad_area", f"area {area_prefix!r} begins no grid code; take up to 15 of 0-9 and A-Z")
        password = SecretStr(new_password())
        hashed = await self._passwords.hash(password)
        async with self._uow.write() as session:
            if not await self._repository.any_account(session):
                raise ConflictError("no_administrator", "there is no administrator yet; start the hub once")
            if await self._repository.account(session, username) is not None:
                raise ConflictError("user_exists", f"there is a user {username!r} already; reset-password is for them")
            self._add_account(session, username, role, area_prefix, hashed)
        return password

    async def sign_in(self, username: str, password: SecretStr, address: str) -> SignedIn:
        """Open a session.

        Raises:
            TooManyRequestsError: too many attempts for this name or from this address.
            UnavailableError: too many people sign in at this moment.
            NotSignedInError: the name or the password is wrong; the answer does not say which.
        """
        username = username.lower()
        account = await self._proven(username, password, address)
        token = new_token()
        async with self._uow.write() as session:
            await self._repository.forget_expired(session, self._clock.now())
            row = self._open_session(session, account, token)
            self._record(session, f"user:{username}", "signed_in", username, {"address": address})
        return _signed_in(account, row, token)

    async def session(self, token: str) -> SignedIn:
        """The session of a token, prolonged when it is used.

        Raises:
            NotSignedInError: there is no such session, or it is over.
        """
        now = self._clock.now()
        async with self._uow.read() as session:
            found = await self._repository.living_session(session, stored_form(token), now)
        if found is None:
            raise NotSignedInError("not_signed_in", "sign in first")
        account, row = found
        prolonged = min(now + SESSION_LIFE, row.created_at + SESSION_END)
        if prolonged - row.expires_at > PROLONG_AFTER:
            row.expires_at = prolonged
            async with self._uow.write() as session:
                await self._repository.prolong(session, row.token_hash, row.expires_at)
        return _signed_in(account, row, token)

    async def is_alive(self, token: str) -> Subject | None:
        """Who has the session while it lives, for a stream that outlives its request; does not prolong it."""
        async with self._uow.read() as session:
            found = await self._repository.living_session(session, stored_form(token), self._clock.now())
        return None if found is None else _subject(found[0])

    async def sign_out(self, signed_in: SignedIn) -> None:
        """Revoke the session."""
        async with self._uow.write() as session:
            await self._repository.end_session(session, stored_form(signed_in.token))
            name = signed_in.subject.username
            self._record(session, f"user:{name}", "signed_out", name)

    async def change_password(self, signed_in: SignedIn, current: SecretStr, new: SecretStr, address: str) -> SignedIn:
        """Replace the password, end every session of the person and open a new one.

        Raises:
            NotSignedInError: the current password is wrong.
            InvalidError: the new one is too weak.
        """
        name = signed_in.subject.username
        account = await self._proven(name, current, address)
        _refuse_weak(new.get_secret_value(), current.get_secret_value(), name)
        hashed = await self._passwords.hash(new)
        token = new_token()
        async with self._uow.write() as session:
            account = await session.merge(account, load=True)
            account.password_hash = hashed
            account.must_change_password = False
            await self._repository.end_sessions_of(session, account.id)
            row = self._open_session(session, account, token)
            self._record(session, f"user:{name}", "changed_password", name)
        return _signed_in(account, row, token)

    async def reset_password(self, username: str) -> SecretStr:
        """Give a person a new one-time password and end all their sessions; the operator's way in.

        Raises:
            NotFoundError: there is no such person.
        """
        username = username.lower()
        password = SecretStr(new_password())
        hashed = await self._passwords.hash(password)
        async with self._uow.write() as session:
            account = await self._repository.account(session, username)
            if account is None:
                known = ", ".join(await self._repository.usernames(session)) or "nobody yet; start the hub once"
                raise NotFoundError("user_not_found", f"there is no user {username!r}; known: {known}")
            account.password_hash = hashed
            account.must_change_password = True
            await self._repository.end_sessions_of(session, account.id)
            self._record(session, "system", "reset_password", username)
        return password

    async def provision_edge(self, edge_id: str) -> SecretStr:
        """Create or replace the token of a box; the old one is worth nothing from now on."""
        token = new_token()
        async with self._uow.write() as session:
            row = await self._repository.credential(session, edge_id)
            if row is None:
                row = EdgeCredentialRow(edge_id=edge_id)
                session.add(row)
            row.token_hash = stored_form(token)
            row.provisioned_at = self._clock.now()
            row.revoked_at = None
            self._audit.add(session, AuditEntry("system", "provisioned", "edge", edge_id))
        return SecretStr(token)

    async def revoke_edge(self, edge_id: str) -> None:
        """Make the token of a box worth nothing; what it has sent stays.

        Raises:
            NotFoundError: no box of that name was ever provisioned.
        """
        async with self._uow.write() as session:
            row = await self._repository.credential(session, edge_id)
            if row is None:
                raise NotFoundError("edge_not_found", f"no box {edge_id!r} was ever provisioned")
            row.revoked_at = self._clock.now()
            self._audit.add(session, AuditEntry("system", "revoked", "edge", edge_id))

    async def edge(self, token: str) -> EdgeIdentity:
        """The box that has this token.

        Raises:
            NotSignedInError: no box has it.
        """
        async with self._uow.read() as session:
            edge_id = await self._repository.edge_of_token(session, stored_form(token))
        if edge_id is None:
            raise NotSignedInError("unknown_edge_token", "no box has this token; run tianrui-hub provision-edge")
        return EdgeIdentity(edge_id)

    async def _proven(self, username: str, password: SecretStr, address: str) -> AccountRow:
        with self._passwords.place():
            self._throttle.begin(username, address)
            async with self._uow.read() as session:
                account = await self._repository.account(session, username)
            fits = await self._passwords.fits(password, None if account is None else account.password_hash)
        if account is None or not fits:
            logger.warning("a sign-in was refused", extra={"address": address})
            raise NotSignedInError("bad_credentials", "the name or the password is wrong")
        self._throttle.succeeded(username, address)
        return account

    def _add_account(
        self, session: AsyncSession, username: str, role: Role, area_prefix: str, password_hash: str
    ) -> None:
        account = AccountRow(
            id=self._ids.new(),
            username=username,
            display_name=username,
            role=role,
            area_prefix=area_prefix,
            password_hash=password_hash,
            must_change_password=True,
            created_at=self._clock.now(),
        )
        session.add(account)
        self._record(session, "system", "created", username)

    def _open_session(self, session: AsyncSession, account: AccountRow, token: str) -> SessionRow:
        now = self._clock.now()
        row = SessionRow(
            token_hash=stored_form(token), account_id=account.id, created_at=now, expires_at=now + SESSION_LIFE
        )
        session.add(row)
        return row

    def _record(
        self, session: AsyncSession, actor: str, action: str, username: str, detail: dict[str, str] | None = None
    ) -> None:
        self._audit.add(session, AuditEntry(actor, action, "user", username, dict(detail or {})))


def _signed_in(account: AccountRow, row: SessionRow, token: str) -> SignedIn:
    subject = _subject(account)
    view = SessionView(
        username=account.username,
        display_name=account.display_name,
        role=subject.role,
        area_prefix=account.area_prefix,
        must_change_password=account.must_change_password,
        csrf_token=csrf_of(token),
        expires_at=row.expires_at,
    )
    return SignedIn(subject, view, token)


def _subject(account: AccountRow) -> Subject:
    return Subject(account.id, account.username, Role(account.role), account.area_prefix)


def _refuse_weak(new: str, current: str, username: str) -> None:
    if len(new) < SHORTEST_PASSWORD:
        raise InvalidError("weak_password", f"the new password needs at least {SHORTEST_PASSWORD} characters")
    if new == current or new.lower() == username or len(set(new)) < SHORTEST_PASSWORD // 3:
        raise InvalidError("weak_password", "the new password is the old one, the name, or a few signs repeated")

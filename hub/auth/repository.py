"""The queries on people, sessions and box credentials."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.auth.models import AccountRow, EdgeCredentialRow, SessionRow


class AuthRepository:
    """Reads and writes the auth tables within the caller's transaction."""

    async def any_account(self, session: AsyncSession) -> bool:
        """Whether somebody exists at all."""
        return (await session.execute(select(AccountRow.id).limit(1))).first() is not None

    async def account(self, session: AsyncSession, username: str) -> AccountRow | None:
        """The person of that name, in lower case."""
        return (await session.execute(select(AccountRow).where(AccountRow.username == username))).scalar_one_or_none()

    async def usernames(self, session: AsyncSession) -> list[str]:
        """Every name, for an error that lists them."""
        return list((await session.execute(select(AccountRow.username).order_by(AccountRow.username))).scalars())

    async def living_session(
        self, session: AsyncSession, token_hash: str, now: datetime
    ) -> tuple[AccountRow, SessionRow] | None:
        """The session with that hash and its person, unless it is over."""
        query = (
            select(AccountRow, SessionRow)
            .join(SessionRow, SessionRow.account_id == AccountRow.id)
            .where(SessionRow.token_hash == token_hash, SessionRow.expires_at > now)
        )
        row = (await session.execute(query)).first()
        return None if row is None else (row[0], row[1])

    async def prolong(self, session: AsyncSession, token_hash: str, expires_at: datetime) -> None:
        """Let a session live longer."""
        await session.execute(
            update(SessionRow).where(SessionRow.token_hash == token_hash).values(expires_at=expires_at)
        )

    async def end_session(self, session: AsyncSession, token_hash: str) -> None:
        """Revoke one session."""
        await session.execute(delete(SessionRow).where(SessionRow.token_hash == token_hash))

    async def end_sessions_of(self, session: AsyncSession, account_id: UUID) -> None:
        """Revoke all sessions of a person."""
        await session.execute(delete(SessionRow).where(SessionRow.account_id == account_id))

    async def forget_expired(self, session: AsyncSession, now: datetime) -> None:
        """Remove sessions that are over."""
        await session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))

    async def credential(self, session: AsyncSession, edge_id: str) -> EdgeCredentialRow | None:
        """The credential of a box, also a revoked one."""
        return await session.get(EdgeCredentialRow, edge_id)

    async def edge_of_token(self, session: AsyncSession, token_hash: str) -> str | None:
        """Which box has the token with that hash; nobody has a revoked one."""
        query = select(EdgeCredentialRow.edge_id).where(
            EdgeCredentialRow.token_hash == token_hash, EdgeCredentialRow.revoked_at.is_(None)
        )
        return (await session.execute(query)).scalar_one_or_none()

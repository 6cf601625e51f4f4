"""The area rule as SQL and in memory says the same."""

from uuid import UUID

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from hub.auth.policy import Role, Subject, may_see_grid, visible_grids


class Local(DeclarativeBase):
    pass


class Place(Local):
    __tablename__ = "place"
    id: Mapped[int] = mapped_column(primary_key=True)
    grid_code: Mapped[str | None] = mapped_column(index=True)


GRIDS = ["11010200100101", "11010200100102", "11010200200101", "%", None]


@pytest.mark.parametrize(
    ("role", "prefix", "seen"),
    [
        (Role.ADMINISTRATOR, "", GRIDS),
        (Role.ADMINISTRATOR, "110102002", GRIDS[2:3]),
        (Role.DISPATCHER, "", GRIDS[:4]),
        (Role.DISPATCHER, "110102001", GRIDS[:2]),
        (Role.VIEWER, "%", GRIDS[3:4]),
        (Role.VIEWER, "110102003", []),
    ],
)
def test_a_subject_sees_its_area_only(role: Role, prefix: str, seen: list[str | None]) -> None:
    subject = Subject(UUID(int=1), "somebody", role, prefix)
    engine = create_engine("sqlite://")
    Local.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Place(grid_code=grid) for grid in GRIDS)
        found = session.scalars(
            select(Place.grid_code).where(visible_grids(subject, Place.grid_code)).order_by(Place.id)
        ).all()
    engine.dispose()
    assert found == seen
    assert [grid for grid in GRIDS if may_see_grid(subject, grid)] == seen


def test_an_index_answers_the_area_rule() -> None:
    subject = Subject(UUID(int=1), "somebody", Role.VIEWER, "110102")
    query = select(Place.id).where(visible_grids(subject, Place.grid_code))
    words = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    engine = create_engine("sqlite://")
    Local.metadata.create_all(engine)
    with engine.connect() as connection:
        (plan,) = connection.execute(text(f"EXPLAIN QUERY PLAN {words}"))
    engine.dispose()
    assert "USING COVERING INDEX ix_place_grid_code (grid_code>? AND grid_code<?)" in plan.detail

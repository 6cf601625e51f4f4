"""What a catalogue is made of."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOCAL_SCHEME = "local:tianrui"

SchemeId = Annotated[str, Field(min_length=1, max_length=40)]
ItemKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
ItemCode = Annotated[str, Field(pattern=r"^[0-9A-Z-]{2,20}$")]


class CatalogueModel(BaseModel):
    """Base of the catalogue's types: unknown fields are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemKind(StrEnum):
    """A matter is something to put right; a signal asks a person to decide whether it is one."""

    MATTER = "matter"
    SIGNAL = "signal"


class Scheme(CatalogueModel):
    """A coding scheme and how sure we are of its codes."""

    id: SchemeId
    title_zh: Annotated[str, Field(min_length=1)]
    title_en: Annotated[str, Field(min_length=1)]
    provenance: Annotated[str, Field(min_length=1)]


class Item(CatalogueModel):
    """One kind of finding, with its code in every scheme that has one."""

    key: ItemKey
    concept: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+$")]
    kind: ItemKind
    name_zh: Annotated[str, Field(min_length=1)]
    name_en: Annotated[str, Field(min_length=1)]
    codes: Annotated[dict[SchemeId, ItemCode], Field(min_length=1)]


class CodedItem(CatalogueModel):
    """An item as one scheme names it."""

    key: ItemKey
    code: ItemCode
    scheme: SchemeId
    kind: ItemKind
    name_zh: str
    name_en: str


class CatalogueDocument(CatalogueModel):
    """The whole data file; every code belongs to a listed scheme and no scheme gives one code twice."""

    version: Annotated[int, Field(ge=1)]
    schemes: tuple[Scheme, ...]
    items: tuple[Item, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = [scheme.id for scheme in self.schemes]
        keys = [item.key for item in self.items]
        codes = [pair for item in self.items for pair in item.codes.items()]
        for what, values in (("scheme", known), ("item key", keys), ("code", codes)):
            if len(set(values)) != len(values):
                msg = f"a {what} is listed twice"
                raise ValueError(msg)
        strangers = sorted({scheme for scheme, _ in codes} - set(known))
        if strangers:
            msg = f"codes of schemes that are not listed: {', '.join(strangers)}"
            raise ValueError(msg)
        return self

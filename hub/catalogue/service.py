"""Loads the catalogue and answers what an item is called under the scheme of this site."""

from importlib import resources

import yaml
from pydantic import ValidationError

from hub.catalogue.schemas import LOCAL_SCHEME, CatalogueDocument, CodedItem
from hub.errors import StartError

DEFAULT_SCHEME = "GBT47678.5-2026"


class Catalogue:
    """The items of one document, looked up under one scheme; items that the scheme lacks keep their local code."""

    def __init__(self, document: CatalogueDocument, scheme: str = DEFAULT_SCHEME) -> None:
        known = [entry.id for entry in document.schemes]
        if scheme not in known:
            msg = f"catalogue scheme {scheme!r} is not known; use one of {', '.join(known)}"
            raise StartError(msg)
        self._scheme = scheme
        self._items = {item.key: item for item in document.items}

    def item(self, key: str) -> CodedItem:
        """The item under this site's scheme, or under the local scheme where that has no code.

        Raises:
            KeyError: the catalogue has no such item, or it has neither code.
        """
        item = self._items[key]
        return self.coded(key, self._scheme if self._scheme in item.codes else LOCAL_SCHEME)

    def coded(self, key: str, scheme: str) -> CodedItem:
        """The item as `scheme` names it; an old case keeps the scheme that it was filed under.

        Raises:
            KeyError: the catalogue has no such item, or the scheme has no code for it.
        """
        item = self._items[key]
        return CodedItem(
            key=item.key,
            code=item.codes[scheme],
            scheme=scheme,
            kind=item.kind,
            name_zh=item.name_zh,
            name_en=item.name_en,
        )


def load_catalogue(scheme: str = DEFAULT_SCHEME) -> Catalogue:
    """The catalogue that is delivered with the hub.

    Raises:
        StartError: the data file is damaged or `scheme` is not in it.
    """
    text = resources.files("hub.catalogue").joinpath("data/items.yaml").read_text("utf-8")
    return Catalogue(read_document(text), scheme)


def read_document(text: str) -> CatalogueDocument:
    """The catalogue document in YAML `text`.

    Raises:
        StartError: it is not YAML or not a valid document; says where.
    """
    try:
        return CatalogueDocument.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        msg = f"the catalogue cannot be read: {error}"
        raise StartError(msg) from None

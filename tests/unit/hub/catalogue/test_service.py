"""The catalogue's data, lookups, and what a damaged document says."""

import pytest

from hub.catalogue.schemas import LOCAL_SCHEME, ItemKind
from hub.catalogue.service import load_catalogue, read_document
from hub.errors import StartError
from mqtt.messages import Finding


@pytest.mark.parametrize("finding", list(Finding))
def test_every_finding_of_the_wire_has_an_item(finding):
    assert load_catalogue().item(finding).key == finding


@pytest.mark.parametrize(
    ("scheme", "code"), [("GBT47678.5-2026", "09009"), ("GBT30428.2-2013", "0409"), ("CJT214-2007", "0505")]
)
def test_illegal_parking_has_the_code_of_the_chosen_scheme(scheme, code):
    item = load_catalogue(scheme).item("illegal_parking")
    assert (item.code, item.scheme, item.kind) == (code, scheme, ItemKind.MATTER)


def test_crowding_is_a_local_signal_under_every_scheme():
    item = load_catalogue("GBT47678.5-2026").item("crowding")
    assert (item.code, item.scheme, item.kind) == ("L-CROWD", LOCAL_SCHEME, ItemKind.SIGNAL)


def test_an_unknown_scheme_names_the_known_ones():
    with pytest.raises(StartError, match=r"'GBX'.*CJT214-2007"):
        load_catalogue("GBX")


SCHEME = "{id: s1, title_zh: a, title_en: a, provenance: a}"
ITEM = "{key: k, concept: a.b, kind: matter, name_zh: a, name_en: a, codes: {%s: '0101'}}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        (f"version: 1\nschemes: [{SCHEME}, {SCHEME}]\nitems: []", "scheme is listed twice"),
        (f"version: 1\nschemes: [{SCHEME}]\nitems: [{ITEM % 's2'}]", "not listed: s2"),
        (f"version: 1\nschemes: [{SCHEME}]\nitems: [{ITEM % 's1'}, {ITEM % 's1'}]", "item key is listed twice"),
    ],
)
def test_a_damaged_document_says_what_is_wrong(text, says):
    with pytest.raises(StartError, match=says):
        read_document(text)

"""Rows of AVImark files to canonical records; numbers in names are of pims-formats section 7."""

from datetime import date
from typing import Any

import pytest

from pims_sync.vendors.avimark import AVIMARK
from pims_sync.vendors.bridge_csv import client_record, patient_record
from pims_sync.vendors.catalogue import BRIDGE_CSV
from pims_sync.vendors.fields import Fields
from pims_sync.vendors.profile import Layout, Profile
from pims_sync.vendors.rejection import Rejected
from shared.events import pims_sync as events
from shared.testing.clocks import NOON

TODAY = date(2026, 3, 2)


def fields(layout: Layout, **cells: str) -> Fields:
    assert cells.keys() <= layout.columns.keys()
    spelling = {name: spellings[0] for name, spellings in layout.columns.items()}
    return Fields(tuple(layout.columns), [cells.get(name, "") for name in layout.columns], spelling)


def patient(profile: Profile = AVIMARK, **cells: str) -> dict[str, Any]:
    return patient_record(fields(profile.layouts["patient"], **{"id": "42", **cells}), profile, TODAY)


def client(profile: Profile = AVIMARK, **cells: str) -> dict[str, Any]:
    return client_record(fields(profile.layouts["client"], **{"id": "7", "last_name": "Hill", **cells}), profile, TODAY)


def rejection(make: Any, **cells: str) -> tuple[str | None, str]:
    with pytest.raises(Rejected) as refused:
        make(**cells)
    for cell in cells.values():
        assert len(cell) < 3 or cell not in refused.value.reason, "a reason repeats the value"
    return refused.value.field, refused.value.code


def test_a_whole_patient() -> None:
    found = patient(
        client_id="7",
        name="Rex",
        species="CANINE",
        breed="Retriever, Labrador",
        breed_2="Poodle",
        colour="Black",
        sex="N",
        weight="12.50",
        weight_unit="lbs",
        born_on="3/21/2011",
        microchip="985112345678909",
        rabies_tag="R-1",
        inactive="N",
    )
    event = events.PatientSynced(clinic_id="elm", patient_id="42", fingerprint="f", observed_at=NOON, **found)
    assert event.species == events.Coded(text="CANINE", canonical="dog")
    assert [breed.text for breed in event.breeds] == ["Retriever, Labrador", "Poodle"]
    assert (event.sex, event.altered, event.status) == ("M", "yes", "active")
    assert event.weight == events.Weight(value="12.5", unit="lb")
    assert event.birth == events.Birth(on=date(2011, 3, 21), precision="day")
    assert [identifier.kind for identifier in event.identifiers] == ["microchip", "rabies_tag"]
    assert event.owners == (events.Ownership(client_id="7"),)


def test_a_whole_client() -> None:
    found = client(
        first_name="Ann",
        address_1="1 Elm St",
        city="Denver",
        postal_code="80202",
        email="Ann@Elm.example",
        phone_1="(303) 555-0142",
        phone_kind_1="Cell",
        do_not_email="Y",
    )
    event = events.ClientSynced(clinic_id="elm", client_id="7", fingerprint="f", observed_at=NOON, **found)
    assert event.contacts == (
        events.Contact(kind="mobile", raw="(303) 555-0142", normalised="+13035550142"),
        events.Contact(kind="email", raw="Ann@Elm.example", normalised="ann@elm.example"),
    )
    assert event.addresses == (events.Address(lines=("1 Elm St",), city="Denver", postal_code="80202"),)
    assert (event.kind, event.do_not_email) == ("owner", True)


@pytest.mark.parametrize(
    "name", ["PadmÃ©", "Zoé", "陳大文", "🐶", '"Bo" Bendy', "Nuit\xa0Hecate", "‎rtl", "=HYPERLINK(1)"]
)
def test_formats_7_1_7_3_7_5_names_stay_as_they_are(name: str) -> None:
    assert patient(name=name)["name"] == name


@pytest.mark.parametrize("name", ["'; DROP TABLE patients; --", "<script>alert(1)</script>", "+1", "@cmd", "-2+3"])
def test_formats_7_5_formulas_and_markup_are_plain_text(name: str) -> None:
    assert patient(name=name)["name"] == name


def test_formats_7_3_7_4_padding_at_the_ends_is_cut_off() -> None:
    assert patient(name="  Rex\xa0\0\0\0")["name"] == "Rex"
    assert patient(name=" \0 ")["name"] is None


def test_formats_7_4_a_nul_within_a_text_is_refused() -> None:
    assert rejection(patient, name="Re\0xx") == ("Name", "nul-character")


@pytest.mark.parametrize("name", ["", "Dog", "?", "unbekannt", "x"])
def test_formats_7_13_a_patient_may_be_nameless_or_called_anything(name: str) -> None:
    assert patient(name=name)["name"] == (name or None)


def test_a_name_of_more_than_200_characters_is_refused() -> None:
    assert patient(name="x" * 200)["name"] == "x" * 200
    assert rejection(patient, name="x" * 201) == ("Name", "too-long")


def test_formats_7_11_ids_keep_zeros_and_case_and_lose_padding() -> None:
    layout = AVIMARK.layouts["patient"]
    assert [fields(layout, id=raw).id("id") for raw in ("007", "7", " 7 ", "S12", "s12")] == [
        "007",
        "7",
        "7",
        "S12",
        "s12",
    ]


def test_ids_are_encoded_so_that_they_fit_into_names() -> None:
    layout = AVIMARK.layouts["patient"]
    assert [fields(layout, id=raw).id("id") for raw in ("4438/61", "a@b", "é")] == ["4438%2F61", "a%40b", "%C3%A9"]
    assert rejection(lambda **cells: fields(layout, **cells).id("id"), id="9" * 65) == ("AccountId", "too-long")


def test_formats_7_14_a_patient_without_owner_is_legal() -> None:
    assert patient(client_id="")["owners"] == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("F", ("F", "unknown")),
        ("m", ("M", "unknown")),
        ("N", ("M", "yes")),
        ("S", ("F", "yes")),
        ("Spayed Female", ("F", "yes")),
        ("MN", ("M", "yes")),
        ("", ("U", "unknown")),
        ("Z", ("U", "unknown")),
    ],
)
def test_sex_and_neutering_come_from_one_code(code: str, expected: tuple[str, str]) -> None:
    found = patient(sex=code)
    assert (found["sex"], found["altered"]) == expected


def test_a_neutering_column_decides_where_there_is_one() -> None:
    assert patient(sex="M", altered="N")["altered"] == "no"
    assert patient(sex="M", altered="1")["altered"] == "yes"


def test_formats_7_15_a_flag_or_a_date_means_dead() -> None:
    assert patient(deceased="Y")["death"] == {"known": True, "on": None}
    assert patient(deceased="N", died_on="1/2/2026")["death"] == {"known": True, "on": date(2026, 1, 2)}
    assert patient(died_on="1/2/2030")["death"] == {"known": True, "on": date(2030, 1, 2)}
    assert patient(died_on="1899-12-30")["death"] == {"known": False, "on": None}


def test_formats_7_15_deleted_weighs_more_than_inactive() -> None:
    assert patient(inactive="Y", deleted="0")["status"] == "inactive"
    assert patient(inactive="N", deleted="-1")["status"] == "deleted"


@pytest.mark.parametrize(
    ("cells", "field", "code"),
    [
        ({"born_on": "3 days"}, "DOB", "not-a-date"),
        ({"born_on": "1/1/2027"}, "DOB", "date-in-the-future"),
        ({"weight": "heavy"}, "Weight", "not-a-weight"),
        ({"weight": "-3"}, "Weight", "not-a-weight"),
        ({"weight": "NaN"}, "Weight", "not-a-weight"),
        ({"weight": "1e400"}, "Weight", "not-a-weight"),
        ({"weight": "12", "weight_unit": "stone"}, "WeightUnitVal", "unknown-unit"),
        ({"deceased": "perhaps"}, "flgDeceased", "not-a-flag"),
    ],
)
def test_a_cell_of_the_wrong_type_names_its_column_and_not_its_value(
    cells: dict[str, str], field: str, code: str
) -> None:
    assert rejection(patient, **cells) == (field, code)


@pytest.mark.parametrize(
    ("weight", "unit", "expected"),
    [
        ("12", "", {"value": "12", "unit": "lb"}),
        ("250", "g", {"value": "250", "unit": "g"}),
        ("999", "KG", {"value": "999", "unit": "kg"}),
        ("100", "lbs", {"value": "100", "unit": "lb"}),
        ("0", "kg", None),
        ("0.00", "", None),
        ("", "kg", None),
    ],
)
def test_formats_7_31_weights(weight: str, unit: str, expected: dict[str, str] | None) -> None:
    assert patient(weight=weight, weight_unit=unit)["weight"] == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("985112345678909", ["985112345678909"]),
        ("985-112-345678909", ["985112345678909"]),
        ("000112345678909", [None]),
        ("999112345678909", [None]),
        ("9.85112E+14", [None]),
        ("977*200*123", ["977200123"]),
        ("4a12bc34df", ["4A12BC34DF"]),
        ("985112345678909, 977200123", ["985112345678909", "977200123"]),
        ("none", []),
        ("0", []),
    ],
)
def test_formats_7_32_microchips(raw: str, expected: list[str | None]) -> None:
    assert [chip["normalised"] for chip in patient(microchip=raw)["identifiers"]] == expected


def test_formats_7_32_a_ruined_microchip_is_kept_as_it_stands() -> None:
    assert patient(microchip="9.85112E+14")["identifiers"][0]["raw"] == "9.85112E+14"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("303.555.0142", "+13035550142"),
        ("+64 9 382 8858", "+6493828858"),
        ("64292267751", None),
        ("2745621568", "+12745621568"),
        ("582-4491", None),
        ("555 9462", None),
        ("ask for Ann", None),
    ],
)
def test_formats_7_30_phones_keep_what_was_written(raw: str, expected: str | None) -> None:
    assert client(phone_1=raw)["contacts"] == [
        {"kind": "other", "raw": raw, "normalised": expected, "preferred": False}
    ]


def test_formats_7_13_clients_may_be_companies_vets_or_cash_sales() -> None:
    assert client(last_name="", company="Elm Rescue")["company"] == "Elm Rescue"
    assert client(last_name="CASH SALE", kind="Referral")["kind"] == "vet"
    assert client(kind="77")["kind"] == "unknown"
    assert rejection(client, last_name="", company="") == ("LastName", "missing-value")


@pytest.mark.parametrize("vendor", sorted(BRIDGE_CSV))
def test_every_profile_maps_and_says_who_it_is(vendor: str) -> None:
    assert patient(BRIDGE_CSV[vendor], species="Feline")["species"]["canonical"] == "cat"
    assert client(BRIDGE_CSV[vendor])["vendor"] == vendor

import csv
from pathlib import Path

import pytest

from ops.registry_drop import NotARegistry, convert

HEADER = "License Issue Date,License Number,Animal's Name,Species,Primary Breed,Secondary Breed,ZIP Code\n"
ROWS = (
    'November 16 2018,8002756,Wall-E,Dog,"Mixed Breed, Medium",Mix,98108\n'
    "November 23 2018,S1,Zoë,Cat,Domestic Shorthair,,98108\n"
    "November 23 2018,S1,,Goat,Miniature,,\n"
)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    path = tmp_path / "registry.csv"
    path.write_text("\ufeff" + HEADER + ROWS, encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_row_becomes_a_patient_also_under_a_number_that_repeats(registry: Path, tmp_path: Path) -> None:
    drop = convert(registry, tmp_path / "out")
    rows = rows_of(drop.patients)
    assert [(row["AccountId"], row["Name"], row["Species"]) for row in rows] == [
        ("8002756", "Wall-E", "CANINE"),
        ("S1", "Zoë", "FELINE"),
        ("S1", "", "GOAT"),
    ]
    assert (rows[0]["Breed"], rows[0]["Breed2"]) == ("Mixed Breed, Medium", "Mix")
    assert drop.declared_counts == {"client": 1, "patient": 3}


def test_a_zip_code_is_one_client_and_a_row_without_one_has_none(registry: Path, tmp_path: Path) -> None:
    drop = convert(registry, tmp_path / "out")
    assert [(row["AccountId"], row["LastName"]) for row in rows_of(drop.clients)] == [
        ("ZIP-98108", "Licence holders 98108")
    ]
    assert [row["ClientAccountId"] for row in rows_of(drop.patients)] == ["ZIP-98108", "ZIP-98108", ""]


def test_another_file_is_refused_by_the_columns_that_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("Name,Species\nRex,Dog\n")
    with pytest.raises(NotARegistry, match="License Number"):
        convert(path, tmp_path / "out")

"""A public registry of pet licences as a nightly drop: `python -m ops.registry_drop registry.csv OUTDIR`.

Writes CLIENT.csv and PATIENT.csv in AVImark's bridge-csv form. One patient a row; its id is the licence number. The
registry names no owners, so the licence holders of a ZIP code are one client; a row without ZIP code has none.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CLIENT_COLUMNS = ("AccountId", "LastName", "FirstName", "City", "State", "Zip", "Country", "email", "Phone1AsIs")
PATIENT_COLUMNS = ("ClientAccountId", "AccountId", "Name", "Species", "Breed", "Breed2")
REGISTRY_COLUMNS = (
    "License Number",
    "Animal's Name",
    "Species",
    "Primary Breed",
    "Secondary Breed",
    "ZIP Code",
)
_SPECIES = {"Dog": "CANINE", "Cat": "FELINE"}


class NotARegistry(Exception):
    """The file lacks columns of a registry; the text names them."""


@dataclass(frozen=True)
class Drop:
    """The two files and how many rows each has, without its header."""

    clients: Path
    patients: Path
    client_rows: int
    patient_rows: int

    @property
    def declared_counts(self) -> dict[str, int]:
        """As a run is completed with."""
        return {"client": self.client_rows, "patient": self.patient_rows}


def convert(registry: Path, folder: Path) -> Drop:
    """Convert row by row; only the ZIP codes are held. Raises NotARegistry."""
    folder.mkdir(parents=True, exist_ok=True)
    clients, patients = folder / "CLIENT.csv", folder / "PATIENT.csv"
    zips: dict[str, None] = {}
    with registry.open(newline="", encoding="utf-8-sig") as file:
        patient_rows = _write(patients, PATIENT_COLUMNS, _patients(csv.DictReader(file), zips))
    client_rows = _write(clients, CLIENT_COLUMNS, map(_client, zips))
    return Drop(clients, patients, client_rows, patient_rows)


def client_id(zip_code: str) -> str:
    """The id of the client that stands for the licence holders of a ZIP code; empty where there is none."""
    return f"ZIP-{zip_code}" if zip_code else ""


def species_of(registered: str) -> str:
    """AVImark's word for the registry's."""
    return _SPECIES.get(registered, registered.upper())


def _patients(rows: "csv.DictReader[str]", zips: dict[str, None]) -> Iterator[Sequence[str]]:
    if missing := [name for name in REGISTRY_COLUMNS if name not in (rows.fieldnames or ())]:
        raise NotARegistry(f"no column {', '.join(missing)}")
    for row in rows:
        zip_code = row["ZIP Code"].strip()
        if zip_code:
            zips[zip_code] = None
        yield _patient(row, zip_code)


def _patient(row: Mapping[str, str], zip_code: str) -> Sequence[str]:
    return (
        client_id(zip_code),
        row["License Number"],
        row["Animal's Name"],
        species_of(row["Species"]),
        row["Primary Breed"],
        row["Secondary Breed"],
    )


def _client(zip_code: str) -> Sequence[str]:
    return (client_id(zip_code), f"Licence holders {zip_code}", "", "Seattle", "WA", zip_code, "US", "", "")


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for count, row in enumerate(rows, 1):  # noqa: B007 -- the last number is the count
            writer.writerow(row)
    return count


def main() -> None:
    """Convert and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("registry", type=Path)
    parser.add_argument("folder", type=Path, metavar="OUTDIR")
    parsed = parser.parse_args()
    drop = convert(parsed.registry, parsed.folder)
    print(f"{drop.clients}  {drop.client_rows} clients")
    print(f"{drop.patients}  {drop.patient_rows} patients")


if __name__ == "__main__":
    main()

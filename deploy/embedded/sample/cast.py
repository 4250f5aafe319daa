"""Which clinics there are and who works and comes there. Nobody here is real: people are numbers."""

from dataclasses import dataclass
from pathlib import Path

FILES = Path(__file__).parent


@dataclass(frozen=True)
class Person:
    """Somebody with a login; `client_id` is who an owner is in the clinic."""

    role: str
    email: str
    client_id: str | None = None


@dataclass(frozen=True)
class SampleClinic:
    """`patients` of its drop are taken: one row of each drop is wrong on purpose."""

    clinic_id: str
    name: str
    time_zone: str
    vendor: str
    staff: Person
    others: tuple[Person, ...]
    patients: int = 19

    def file(self, entity: str) -> bytes:
        """The clinic's drop: `client` or `patient`."""
        return (FILES / self.clinic_id / f"{entity}.csv").read_bytes()


def _people(clinic_id: str, owners: dict[str, str]) -> tuple[Person, ...]:
    colleagues = ("specialist", "referring_vet")
    return (
        *(Person(role, f"{role.replace('_', '-')}.{clinic_id}@example.org") for role in colleagues),
        *(Person("owner", email, client_id) for client_id, email in owners.items()),
    )


CLINICS = (
    SampleClinic(
        "elm",
        "Elm Street Animal Hospital",
        "America/New_York",
        "avimark",
        Person("staff", "staff.elm@example.org"),
        _people("elm", {"0001": "client0001@example.org", "0007": "client0007@example.org"}),
    ),
    SampleClinic(
        "harbor",
        "Harbor Pet Clinic",
        "America/Los_Angeles",
        "avimark",
        Person("staff", "staff.harbor@example.org"),
        _people("harbor", {"0101": "client0101@example.org", "0107": "client0007@example.org"}),
    ),
)
"""Client 0007 of Elm Street is client 0107 at the harbor: one login, two clinics."""

"""What is particular about a practice-management system's bridge-csv feed: names, code tables, encodings. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.events.pims_sync import Altered, Entity

Sex = tuple[Literal["M", "F", "U"], Altered]
ContactKind = Literal["mobile", "home", "work", "fax", "email", "other"]
ClientKind = Literal["owner", "staff", "vet", "supplier", "unknown"]


@dataclass(frozen=True)
class Layout:
    """The columns of one file. `columns` maps our name of a column to the spellings under which it is accepted.

    Spellings are compared without regard to case and surrounding space. The file must have the `required` ones.
    """

    columns: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """One vendor's dialect. Keys of the tables are lower case.

    `revision` goes up when the mapping changes, so that rows read before are read anew. `fallback_encoding` is tried
    for a row that is not UTF-8. `region` is where a phone number without country code belongs (ISO 3166).
    `day_first`: 3/4/2018 is the third of April.
    """

    vendor: str
    layouts: Mapping[Entity, Layout]
    species: Mapping[str, str]
    sexes: Mapping[str, Sex]
    phone_kinds: Mapping[str, ContactKind]
    client_kinds: Mapping[str, ClientKind] = field(default_factory=dict)
    fallback_encoding: str | None = None
    region: str = "US"
    day_first: bool = False
    revision: int = 1

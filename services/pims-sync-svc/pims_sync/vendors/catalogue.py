"""The vendors whose feeds are understood."""

from pims_sync.vendors.avimark import AVIMARK
from pims_sync.vendors.cornerstone import CORNERSTONE
from pims_sync.vendors.impromed import IMPROMED
from pims_sync.vendors.profile import Profile
from pims_sync.vendors.pulse import EVETPRACTICE, PULSE

BRIDGE_CSV: dict[str, Profile] = {
    profile.vendor: profile for profile in (AVIMARK, CORNERSTONE, IMPROMED, PULSE, EVETPRACTICE)
}
"""Vendors reached by a nightly drop of bridge-csv files."""

OTHER_FORMATS = frozenset({"ezyvet"})
"""Vendors with an interface of their own, whose data does not come as a file."""

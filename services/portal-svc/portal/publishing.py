"""What leaves on `portal.events`. Sessions, logins and credentials of machines are nobody's business."""

from typing import get_args

from shared.events.base import Event
from shared.events.portal import AccountEvent, ClinicRegistered

PUBLISHED: tuple[type[Event], ...] = (ClinicRegistered, *get_args(AccountEvent))

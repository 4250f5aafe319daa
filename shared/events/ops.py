"""What operators did to the installation: the audit. Never published, since no view is made of it.

All of it is in one stream, `operatorlog-platform`; the metadata's actor is the operator.
"""

from datetime import datetime
from typing import Literal

from shared.events.base import Event, event_type

OPERATOR_LOG = "operatorlog-platform"
Outcome = Literal["done", "failed"]


@event_type("ops.OperatorActed.v1")
class OperatorActed(Event):
    """A command that changes something, or shows personal data, was carried out, or tried.

    `operator` is the subject of an access token, or the name of a user of the operating system, as `known_by` says.
    `arguments` hold ids and numbers, never personal data; `counts` say how much of what was changed, or would have
    been: of a dry run only the log itself remains.
    """

    operator: str
    known_by: Literal["token", "system"]
    command: str
    arguments: dict[str, str]
    reason: str | None = None
    dry_run: bool
    outcome: Outcome
    counts: dict[str, int]
    acted_at: datetime

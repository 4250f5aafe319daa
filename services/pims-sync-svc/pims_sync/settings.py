"""The settings of pims-sync-svc."""

from typing import ClassVar

from shared.chassis.settings import ChassisSettings


class PimsSyncSettings(ChassisSettings):
    """None of its own."""

    service: ClassVar[str] = "pims-sync"

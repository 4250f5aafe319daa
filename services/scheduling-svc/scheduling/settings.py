"""Configuration of scheduling-svc."""

from typing import ClassVar

from shared.chassis.settings import ChassisSettings


class SchedulingSettings(ChassisSettings):
    """Nothing of its own."""

    service: ClassVar[str] = "scheduling"

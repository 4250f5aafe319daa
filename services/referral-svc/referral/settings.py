"""Configuration of referral-svc."""

from typing import ClassVar

from shared.chassis.settings import ChassisSettings


class ReferralSettings(ChassisSettings):
    """Nothing of its own."""

    service: ClassVar[str] = "referral"

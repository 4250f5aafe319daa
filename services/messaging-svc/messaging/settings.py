"""Configuration of messaging-svc."""

from typing import ClassVar

from shared.chassis.settings import ChassisSettings


class MessagingSettings(ChassisSettings):
    """Nothing of its own: the providers' secrets come with the clinics' numbers."""

    service: ClassVar[str] = "messaging"

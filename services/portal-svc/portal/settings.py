"""What portal-svc is told."""

from pathlib import Path
from typing import ClassVar

from shared.chassis.settings import ChassisSettings

ACCESS_TOKEN_SECONDS = 600


class PortalSettings(ChassisSettings):
    """The issuer needs its signing keys and knows the first operator's credential."""

    service: ClassVar[str] = "portal"

    @property
    def signing_keys(self) -> Path:
        """The folder of signing keys; ValueError when there is none."""
        if self.signing_keys_dir is None:
            raise ValueError("VETWIRE_SIGNING_KEYS_DIR is needed: portal-svc signs the access tokens")
        return self.signing_keys_dir

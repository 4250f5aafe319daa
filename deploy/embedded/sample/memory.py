"""What the sample must not forget between runs: the passwords and secrets that are told or made once."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Login = dict[str, Any]


class Memory:
    """The file that the sample writes, mode 0600: `{"clinics": [{"clinic_id", "name", "logins", "credentials"}]}`.

    A login has role, email, password and `is_active`; a password is written before it is used, so that a crash in
    between loses none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self._content.setdefault("clinics", [])

    def operator(self, client_id: str, client_secret: str) -> None:
        """Who loaded it all."""
        self._content["operator"] = {"client_id": client_id, "client_secret": client_secret}

    def clinic(self, clinic_id: str, name: str) -> dict[str, Any]:
        """The clinic's part; made on first use."""
        for known in self._clinics():
            if known["clinic_id"] == clinic_id:
                return known
        fresh: dict[str, Any] = {"clinic_id": clinic_id, "name": name, "logins": [], "credentials": []}
        self._content["clinics"].append(fresh)
        return fresh

    def login(self, clinic: dict[str, Any], role: str, email: str) -> Login:
        """Somebody's login in a clinic, with the password that they have in every clinic."""
        logins: list[Login] = clinic["logins"]
        for known in logins:
            if known["email"] == email:
                return known
        fresh = {"role": role, "email": email, "password": self._password(email), "is_active": self._is_active(email)}
        logins.append(fresh)
        self.save()
        return fresh

    def activated(self, email: str) -> None:
        """The password is set, in every clinic."""
        for login in self._logins(email):
            login["is_active"] = True
        self.save()

    def credential(self, clinic: dict[str, Any], client_id: str, client_secret: str) -> None:
        """A machine's credential."""
        clinic["credentials"] = [{"role": "pims", "client_id": client_id, "client_secret": client_secret}]
        self.save()

    def save(self) -> None:
        """In one step."""
        draft = self._path.with_name(f".{self._path.name}.draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self._content, indent=2, ensure_ascii=False) + "\n")
        draft.replace(self._path)

    def _clinics(self) -> list[dict[str, Any]]:
        clinics: list[dict[str, Any]] = self._content["clinics"]
        return clinics

    def _logins(self, email: str) -> Iterator[Login]:
        return (login for clinic in self._clinics() for login in clinic["logins"] if login["email"] == email)

    def _password(self, email: str) -> str:
        return next((str(login["password"]) for login in self._logins(email)), secrets.token_urlsafe(15))

    def _is_active(self, email: str) -> bool:
        return any(login["is_active"] for login in self._logins(email))

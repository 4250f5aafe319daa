"""Log in as somebody of a running embedded system and print the access token: `python -m ops.token elm owner`."""

import argparse
import json
from pathlib import Path
from typing import Any

import httpx2

ENDPOINTS = Path(".vetwire/endpoints.json")


def main() -> None:
    """Exit code 1 with the gateway's words if the login is refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clinic", help="a sample clinic, e.g. elm; `-` for the operator")
    parser.add_argument("role", help="owner, staff, specialist, referring_vet, pims or operator")
    parser.add_argument("--endpoints", type=Path, default=ENDPOINTS)
    asked = parser.parse_args()
    answer = _token(json.loads(asked.endpoints.read_text()), asked.clinic, asked.role)
    if answer.status_code != 200:
        raise SystemExit(answer.text)
    print(answer.json()["access_token"])


def _token(system: dict[str, Any], clinic_id: str, role: str) -> httpx2.Response:
    base = f"{system['gateway']}/api/portal/v1"
    if role == "operator":
        return httpx2.post(f"{base}/oauth/token", data=_credentials(system["operator"]))
    clinic = next((c for c in system["clinics"] if c["clinic_id"] == clinic_id), None)
    if clinic is None:
        raise SystemExit(f"no sample clinic {clinic_id}")
    for credential in clinic["credentials"]:
        if credential["role"] == role:
            return httpx2.post(f"{base}/oauth/token", data=_credentials(credential))
    for login in clinic["logins"]:
        if login["role"] == role:
            return httpx2.post(f"{base}/login", json={"email": login["email"], "password": login["password"]})
    raise SystemExit(f"nobody in {clinic_id} is {role}")


def _credentials(known: dict[str, str]) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
    }


if __name__ == "__main__":
    main()

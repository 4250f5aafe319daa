"""Design 17; ASVS 8.2.1, 8.4.1; deny by default (OWASP API5)."""

from collections.abc import Mapping
from typing import Annotated, Any

import pytest
import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Mount

from shared.chassis.api_app import create_api
from shared.chassis.auth import (
    Identity,
    Role,
    UndeclaredAccess,
    Verifier,
    authenticated,
    check_access_is_declared,
    clinic_access,
    identity,
    owner_client_id,
    public,
    require,
)
from shared.chassis.idempotency import IdempotentRequest, idempotent
from shared.chassis.tests.conftest import DemoSettings, MakeClient
from shared.testing.tokens import Mint

BASE = "/api/demo/v1"


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    router = APIRouter()

    @router.get("/open", dependencies=[Depends(public)])
    async def open_to_all() -> str:
        return "open"

    @router.get("/me")
    async def me(who: Annotated[Identity, Depends(authenticated)]) -> str:
        return who.subject

    @router.get("/operators", dependencies=[Depends(require("operator"))])
    async def operators() -> str:
        return "operators"

    @router.get("/clinics/{clinic_id}/list")
    async def staff_list(clinic_id: str, who: Annotated[Identity, Depends(clinic_access("staff", "operator"))]) -> str:
        return f"{clinic_id} {who.role}"

    @router.get("/clinics/{clinic_id}/own")
    async def own(clinic_id: str, who: Annotated[Identity, Depends(clinic_access("owner"))]) -> str:
        return owner_client_id(who, clinic_id)

    return make_client(router)


def test_a_public_route_needs_no_token(client: TestClient) -> None:
    assert client.get(f"{BASE}/open").status_code == 200


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwdw==", "Token abc", "bearer\tabc"]
)
def test_without_a_bearer_token_it_is_401(client: TestClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    response = client.get(f"{BASE}/me", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "token-required")
    assert response.headers["www-authenticate"] == 'Bearer realm="vetwire"'


def test_a_bad_token_is_401_and_only_the_log_says_why(client: TestClient, mint: Mint) -> None:
    with structlog.testing.capture_logs() as entries:
        response = client.get(f"{BASE}/me", headers=mint.headers(aud="another-api"))
    assert (response.status_code, response.json()["code"]) == (401, "token-invalid")
    assert response.headers["www-authenticate"] == 'Bearer realm="vetwire", error="invalid_token"'
    assert "audience" not in response.text.lower()
    assert [entry["reason"] for entry in entries] == ["InvalidAudienceError"]


def test_two_authorization_headers_are_401(client: TestClient, mint: Mint) -> None:
    header = ("Authorization", f"Bearer {mint.token()}")
    assert client.get(f"{BASE}/me", headers=[header]).status_code == 200
    assert client.get(f"{BASE}/me", headers=[header, header]).status_code == 401


def test_a_token_in_the_query_is_not_a_token(client: TestClient, mint: Mint) -> None:
    assert client.get(f"{BASE}/me", params={"access_token": mint.token()}).status_code == 401


def test_identity_headers_from_outside_mean_nothing(client: TestClient, mint: Mint) -> None:
    headers = {"X-Role": "operator", "X-Clinics": "oak", **mint.headers("staff", ("elm",))}
    assert client.get(f"{BASE}/operators", headers=headers).status_code == 403
    assert client.get(f"{BASE}/clinics/oak/list", headers=headers).status_code == 404


def test_another_role_is_403(client: TestClient, mint: Mint) -> None:
    response = client.get(f"{BASE}/operators", headers=mint.headers("staff"))
    assert (response.status_code, response.json()["code"]) == (403, "role-not-allowed")
    assert client.get(f"{BASE}/operators", headers=mint.headers("operator", ("*",))).status_code == 200


def test_another_clinic_is_404_and_looks_like_nothing_at_all(client: TestClient, mint: Mint) -> None:
    headers = mint.headers("staff", ("elm",))
    assert client.get(f"{BASE}/clinics/elm/list", headers=headers).json() == "elm staff"
    foreign = client.get(f"{BASE}/clinics/oak/list", headers=headers)
    nothing = client.get(f"{BASE}/clinics/elm/nowhere", headers=headers)
    assert (foreign.status_code, foreign.content) == (nothing.status_code, nothing.content)
    assert foreign.status_code == 404


def test_in_another_clinic_even_a_role_without_rights_sees_404(client: TestClient, mint: Mint) -> None:
    headers = mint.headers("owner", ("elm",))
    assert client.get(f"{BASE}/clinics/oak/list", headers=headers).status_code == 404
    assert client.get(f"{BASE}/clinics/elm/list", headers=headers).status_code == 403


def test_an_operator_enters_every_clinic(client: TestClient, mint: Mint) -> None:
    response = client.get(f"{BASE}/clinics/oak/list", headers=mint.headers("operator", ("*",)))
    assert response.json() == "oak operator"


@pytest.mark.parametrize("clinic", ["*", "%2A", "ELM", "elm%00", "elm%20", "..", "elm%2F"])
def test_a_name_that_resembles_a_clinic_is_not_that_clinic(client: TestClient, mint: Mint, clinic: str) -> None:
    response = client.get(f"{BASE}/clinics/{clinic}/list", headers=mint.headers("staff", ("elm",)))
    assert response.status_code == 404


@pytest.mark.parametrize("clinic", ["*", "ELM", "-elm", "elm.42", "x" * 64, "ulme\u00fc"])
def test_what_cannot_be_a_clinic_is_404_even_for_an_operator(client: TestClient, mint: Mint, clinic: str) -> None:
    headers = mint.headers("operator", ("*",))
    assert client.get(f"{BASE}/clinics/{clinic}/list", headers=headers).status_code == 404


def test_an_owner_gets_the_own_client_id_of_that_clinic(client: TestClient, mint: Mint) -> None:
    headers = mint.headers("owner", ("elm", "oak"), client_ids={"elm": "C1"})
    assert client.get(f"{BASE}/clinics/elm/own", headers=headers).json() == "C1"
    assert client.get(f"{BASE}/clinics/oak/own", headers=headers).status_code == 404


def test_when_the_issuers_keys_cannot_be_had_it_is_503(make_client: MakeClient, mint: Mint) -> None:
    async def no_keys() -> Mapping[str, Any]:
        raise OSError

    router = APIRouter()

    @router.get("/me", dependencies=[Depends(authenticated)])
    async def me() -> None: ...

    client = make_client(router)
    assert isinstance(client.app, FastAPI)
    client.app.state.verifier = Verifier({mint.issuer: no_keys}, mint.audience)
    response = client.get(f"{BASE}/me", headers=mint.headers())
    assert (response.status_code, response.json()["code"]) == (503, "keys-unavailable")
    assert response.headers["retry-after"] == "5"


def faults_of(router: APIRouter) -> str:
    with pytest.raises(UndeclaredAccess) as refusal:
        create_api(DemoSettings(), [router])
    assert len(refusal.value.routes) == 1
    return refusal.value.routes[0]


def test_an_app_with_an_undeclared_route_does_not_start() -> None:
    router = APIRouter()

    @router.post("/forgotten")
    async def forgotten() -> None: ...

    assert faults_of(router) == f"['POST'] {BASE}/forgotten: no access dependency"


def test_knowing_the_bearer_is_not_a_policy() -> None:
    router = APIRouter()

    @router.get("/forgotten")
    async def forgotten(who: Annotated[Identity, Depends(identity)]) -> str:
        return who.subject

    assert "no access dependency" in faults_of(router)


def test_a_route_in_a_clinic_must_check_the_clinic() -> None:
    router = APIRouter()

    @router.get("/clinics/{clinic_id}/list", dependencies=[Depends(require("staff"))])
    async def forgotten() -> None: ...

    assert "clinic_access and {clinic_id} go together" in faults_of(router)


def test_idempotency_before_access_would_replay_to_the_wrong_caller() -> None:
    router = APIRouter()

    @router.post("/clinics/{clinic_id}/things")
    async def wrong_order(
        once: Annotated[IdempotentRequest, Depends(idempotent)],
        who: Annotated[Identity, Depends(clinic_access("staff"))],
    ) -> None: ...

    assert "the access dependency comes before the idempotent one" in faults_of(router)


def test_a_mounted_app_cannot_slip_in() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes.append(Mount("/api/other", app=FastAPI()))
    with pytest.raises(UndeclaredAccess):
        check_access_is_declared(app)


def test_a_policy_of_the_router_counts_for_its_routes() -> None:
    outer = APIRouter(dependencies=[Depends(require("operator"))])
    inner = APIRouter()

    @inner.get("/deep")
    async def deep() -> None: ...

    outer.include_router(inner)
    create_api(DemoSettings(), [outer])


@pytest.mark.parametrize("roles", [(), ("admin",)])
def test_a_policy_names_known_roles(roles: tuple[Role, ...]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        require(*roles)


def test_openapi_says_which_routes_need_a_token(client: TestClient) -> None:
    paths = client.get(f"{BASE}/openapi.json").json()["paths"]
    assert "security" not in paths[f"{BASE}/open"]["get"]
    assert paths[f"{BASE}/clinics/{{clinic_id}}/list"]["get"]["security"] == [{"accessToken": []}]

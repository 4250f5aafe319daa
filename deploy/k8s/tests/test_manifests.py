"""The Kubernetes manifests: every pod is confined, probed and bounded, and the pieces refer to each other."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.envoy.gateway import ROUTE_TABLE
from deploy.envoy.render import main

FOLDER = Path(__file__).parents[1]
Manifest = dict[str, Any]


def _documents(path: Path) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


FILES = sorted(path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml")
MANIFESTS = [(path.relative_to(FOLDER), manifest) for path in FILES for manifest in _documents(path)]
DEPLOYMENTS = [(str(path), manifest) for path, manifest in MANIFESTS if manifest["kind"] == "Deployment"]
CONTAINERS = [
    pytest.param(container, id=f"{path}:{container['name']}")
    for path, manifest in DEPLOYMENTS
    for kind in ("initContainers", "containers")
    for container in manifest["spec"]["template"]["spec"].get(kind, [])
]


def _kustomization(folder: Path) -> Manifest:
    return _documents(folder / "kustomization.yaml")[0]


def test_every_manifest_says_what_it_is() -> None:
    assert all({"apiVersion", "kind", "metadata"} <= manifest.keys() for _, manifest in MANIFESTS)
    assert all(manifest["metadata"]["name"] for _, manifest in MANIFESTS)


def test_no_secret_is_kept_here() -> None:
    assert [path for path, manifest in MANIFESTS if manifest["kind"] == "Secret"] == []


@pytest.mark.parametrize(("path", "manifest"), DEPLOYMENTS)
def test_every_pod_is_nobody_and_holds_no_key_to_the_cluster(path: str, manifest: Manifest) -> None:
    pod = manifest["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    assert manifest["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_is_confined_and_bounded(container: Manifest) -> None:
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize(("path", "manifest"), DEPLOYMENTS)
def test_every_process_is_probed_three_ways(path: str, manifest: Manifest) -> None:
    for container in manifest["spec"]["template"]["spec"]["containers"]:
        ports = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] in ports


@pytest.mark.parametrize(("path", "manifest"), DEPLOYMENTS)
def test_every_mount_has_its_volume(path: str, manifest: Manifest) -> None:
    pod = manifest["spec"]["template"]["spec"]
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("name", ROUTE_TABLE)
def test_every_service_has_its_overlay(name: str) -> None:
    overlay = _kustomization(FOLDER / "services" / name)
    assert overlay["namePrefix"] == f"{name}-"
    patches = "".join(f"{patch['patch']}\n" for patch in overlay["patches"])
    assert f"value: {name.replace('-', '_')}.main\n" in patches
    assert f"value: {name.replace('-', '_')}.worker\n" in patches


def test_what_the_kustomizations_name_is_there() -> None:
    for path in FOLDER.rglob("kustomization.yaml"):
        for resource in _documents(path)[0]["resources"]:
            found = path.parent / resource
            assert found.is_file() or (found / "kustomization.yaml").is_file(), resource


def test_the_network_is_closed_but_for_what_is_named() -> None:
    policies = {m["metadata"]["name"]: m["spec"] for _, m in MANIFESTS if m["kind"] == "NetworkPolicy"}
    assert policies["deny-ingress"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    open_to_all = [name for name, spec in policies.items() for rule in spec.get("ingress", []) if "from" not in rule]
    assert open_to_all == ["world-to-gateway"]


def test_the_gateways_init_container_renders_the_whole_route_table(tmp_path: Path) -> None:
    literals = dict(line.split("=", 1) for line in _kustomization(FOLDER)["configMapGenerator"][0]["literals"])
    gateway = next(manifest for path, manifest in DEPLOYMENTS if path.startswith("gateway"))
    command = gateway["spec"]["template"]["spec"]["initContainers"][0]["command"][3:]
    out = tmp_path / "envoy.json"
    arguments = [part for part in command if not part.startswith("--out=")]
    for name, value in literals.items():
        arguments = [part.replace(f"$({name})", value) for part in arguments]
    main([*arguments, f"--out={out}"])
    config = json.loads(out.read_text(encoding="utf-8"))
    assert {cluster["name"] for cluster in config["static_resources"]["clusters"]} == {*ROUTE_TABLE, "admin"}
    assert "$(" not in out.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl builds the whole; the parts are checked above")
def test_the_whole_builds() -> None:
    built = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stderr
    whole = [document for document in yaml.safe_load_all(built.stdout) if document]
    names = {manifest["metadata"]["name"] for manifest in whole if manifest["kind"] == "Deployment"}
    assert names == {f"{name}-{kind}" for name in ROUTE_TABLE for kind in ("api", "worker")} | {"gateway"}
    assert {m["metadata"].get("namespace", "vetwire") for m in whole} == {"vetwire"}
    assert "PACKAGE" not in built.stdout
    secrets = {
        volume["secret"]["secretName"]
        for manifest in whole
        if manifest["kind"] == "Deployment"
        for volume in manifest["spec"]["template"]["spec"]["volumes"]
        if "secret" in volume
    }
    assert secrets == {"vetwire-shared", "vetwire-portal", "vetwire-signing", "gateway-tls"}

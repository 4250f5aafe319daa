"""Every event that was ever stored still loads (reliability: schema evolution)."""

import json
from base64 import b64decode
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jsonschema import Draft202012Validator

from shared.chassis.codec import Codec
from shared.events import catalogue, corpus
from shared.events.base import Event
from shared.events.corpus import Golden
from shared.events.envelope import Metadata, Recorded
from shared.events.upcasters import newest
from shared.testing.memory import MemoryKeys

FILES = corpus.golden_files()
SEALED = [golden for golden in FILES if "key" in golden.content]
any_golden = pytest.mark.parametrize("golden", FILES, ids=lambda golden: golden.name)


class _OneKey(MemoryKeys):
    """The data key that a golden file names, for everybody."""

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._cipher = AESGCM(key)

    async def existing(self, subjects: Any) -> dict[str, AESGCM]:
        return dict.fromkeys(subjects, self._cipher)


async def _decoded(golden: Golden, keys: MemoryKeys) -> Event:
    (recorded,) = await Codec(keys).decode([golden.stored])
    assert isinstance(recorded, Recorded), recorded
    return recorded.event


def test_every_stored_name_has_a_golden_file() -> None:
    covered = {golden.type_name for golden in FILES}
    assert covered == {*catalogue.registered(), *catalogue.retired()}


def test_golden_files_never_change() -> None:
    assert corpus.tampered() == []


@any_golden
def test_a_golden_file_is_what_its_schema_says(golden: Golden) -> None:
    schema = catalogue.approved(golden.type_name)
    assert schema is not None
    assert [error.message for error in Draft202012Validator(schema).iter_errors(golden.content["data"])] == []


@any_golden
def test_its_metadata_is_readable(golden: Golden) -> None:
    assert Metadata.model_validate(golden.content["metadata"]).clinic_id


@any_golden
def test_it_loads_as_the_newest_version(golden: Golden) -> None:
    assert golden.newest(personal=True).type_name == newest(golden.type_name)


@pytest.mark.anyio
@any_golden
async def test_it_loads_after_its_subject_was_erased(golden: Golden) -> None:
    event = await _decoded(golden, MemoryKeys())
    assert event == golden.newest(personal=False)
    assert all(getattr(event, name) is None for name in event.personal_fields)


@any_golden
def test_reading_and_storing_it_again_loses_nothing(golden: Golden) -> None:
    event = golden.newest(personal=True)
    assert type(event).model_validate_json(event.model_dump_json()) == event


def test_some_golden_file_is_really_sealed() -> None:
    assert SEALED


@pytest.mark.anyio
@pytest.mark.parametrize("golden", SEALED, ids=lambda golden: golden.name)
async def test_what_was_sealed_then_is_opened_now(golden: Golden) -> None:
    key = b64decode(golden.content["key"])
    assert await _decoded(golden, _OneKey(key)) == golden.newest(personal=True)


@pytest.mark.anyio
@pytest.mark.parametrize("golden", SEALED, ids=lambda golden: golden.name)
async def test_another_key_opens_nothing(golden: Golden) -> None:
    assert await _decoded(golden, _OneKey(bytes(32))) == golden.newest(personal=False)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(copytree(corpus.GOLDEN, tmp_path / "golden"))


def test_a_changed_file_is_noticed_and_not_approved(copied: Path) -> None:
    path = copied / FILES[0].name
    path.write_text(path.read_text(encoding="utf-8").replace("elm", "oak"), encoding="utf-8")
    assert corpus.tampered(copied) == [f"{FILES[0].name} was changed: golden files never change, add another one"]
    with pytest.raises(ValueError, match="golden files never change"):
        corpus.approve(copied)


def test_a_missing_file_is_noticed_and_not_approved(copied: Path) -> None:
    (copied / FILES[0].name).unlink()
    assert corpus.tampered(copied) == [f"{FILES[0].name} is gone: what was stored once can be met for ever"]
    with pytest.raises(ValueError, match="golden files never change"):
        corpus.approve(copied)


def test_a_new_file_is_taken_in(copied: Path) -> None:
    name = f"{FILES[0].type_name}/another.json"
    (copied / name).write_text(json.dumps(FILES[0].content), encoding="utf-8")
    assert corpus.tampered(copied) == [f"{name} is not in the manifest: run the catalogue's write"]
    assert corpus.approve(copied) == [name]
    assert corpus.tampered(copied) == []


def test_a_type_without_a_file_gets_one_that_fills_every_field(tmp_path: Path) -> None:
    schemas = {name: catalogue.schema_of(cls) for name, cls in catalogue.registered().items()}
    written = corpus.add_samples({"portal.ClinicRegistered.v1": schemas["portal.ClinicRegistered.v1"]}, tmp_path)
    assert written == ["portal.ClinicRegistered.v1/every-field.json"]
    (golden,) = corpus.golden_files(tmp_path)
    assert golden.content["data"].keys() == schemas["portal.ClinicRegistered.v1"]["properties"].keys()
    assert corpus.add_samples({"portal.ClinicRegistered.v1": schemas["portal.ClinicRegistered.v1"]}, tmp_path) == []


def test_a_pattern_that_no_sample_fits_wants_a_file_by_hand() -> None:
    schema = {"properties": {"code": {"type": "string", "pattern": "^[0-9]{9}$"}}}
    with pytest.raises(ValueError, match=r"code: write the golden file by hand, for \^\[0-9\]\{9\}\$"):
        corpus.sample(schema)

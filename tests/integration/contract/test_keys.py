"""Keys of data subjects, in memory and in MongoDB: made once, read often, destroyed for good (design 6)."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from shared.chassis.mongo import Database, connect, database
from shared.chassis.personal_data import KeyRing, Keys, decrypt, encrypt
from shared.testing.memory import MemoryKeys
from shared.testing.running import Servers

KEK = bytes(range(32))


@pytest.mark.anyio
class KeysContract:
    async def test_a_subject_keeps_its_key(self, keys: Keys) -> None:
        first = await keys.made(["client:elm.1"])
        sealed = encrypt(first["client:elm.1"], "client:elm.1", "here", {"a": ["b"]})
        assert decrypt(await keys.made(["client:elm.1"]), "here", sealed) == {"a": ["b"]}
        assert decrypt(await keys.existing(["client:elm.1"]), "here", sealed) == {"a": ["b"]}

    async def test_who_never_had_a_key_has_none(self, keys: Keys) -> None:
        assert await keys.existing(["client:elm.2"]) == {}

    async def test_an_erased_subject_has_no_key_and_gets_none(self, keys: Keys) -> None:
        await keys.made(["client:elm.3", "client:elm.4"])
        await keys.erase("client:elm.3")
        await keys.erase("client:elm.3")
        await keys.erase("client:elm.never")
        assert (await keys.existing(["client:elm.3"])) == {}
        assert (await keys.made(["client:elm.3", "client:elm.never"])) == {}
        assert list(await keys.existing(["client:elm.4"])) == ["client:elm.4"]

    async def test_many_subjects_at_once(self, keys: Keys) -> None:
        subjects = [f"client:elm.many{n}" for n in range(300)]
        assert (await keys.made(subjects[:100])).keys() == set(subjects[:100])
        assert (await keys.made(subjects)).keys() == set(subjects)


class TestInMemory(KeysContract):
    @pytest.fixture
    def keys(self) -> Keys:
        return MemoryKeys()


@pytest.mark.servers
class TestInMongo(KeysContract):
    @pytest.fixture
    async def db(self, servers: Servers) -> AsyncIterator[Database]:
        client = connect(servers.mongodb)
        yield database(client, f"keys{uuid4().hex[:8]}")
        client.close()

    @pytest.fixture
    def keys(self, db: Database) -> Keys:
        return KeyRing(db, KEK)

    async def test_two_processes_that_make_the_same_key_agree(self, db: Database) -> None:
        subjects = [f"client:elm.{n}" for n in range(20)]
        one, two = KeyRing(db, KEK), KeyRing(db, KEK)
        sealed = encrypt((await one.made(subjects))[subjects[3]], subjects[3], "x", "y")
        assert decrypt(await two.made(subjects), "x", sealed) == "y"

    async def test_the_database_alone_does_not_open_anything(self, db: Database) -> None:
        await KeyRing(db, KEK).made(["client:elm.1"])
        row = await db["subject_keys"].find_one({"_id": "client:elm.1"})
        assert row is not None
        assert len(row["wrapped"]) == 12 + 32 + 16, "nonce, key, tag: the key is sealed by the key-encryption key"

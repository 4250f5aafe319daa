"""A key's partition is the one that every other client of Kafka would choose (design 7)."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from shared.chassis.partitioning import partition_of


@given(st.binary(max_size=200), st.integers(1, 64))
def test_a_key_goes_where_the_clients_own_partitioner_puts_it(key: bytes, partitions: int) -> None:
    every = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, every, every)


def test_a_streams_partition_never_changes() -> None:
    """Written down: another one after an update would break the order of what is under way."""
    assert [partition_of(f"patient-elm.{n}".encode(), 4) for n in range(8)] == [1, 1, 3, 0, 1, 0, 2, 1]

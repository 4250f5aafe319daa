"""The broker's configuration, for one node and for three."""

from pathlib import Path

from deploy.embedded.kafka import Node, new_cluster_id, server_properties, write_properties

NODES = [Node(number, "127.0.0.1", 9000 + number, 9100 + number, Path(f"n{number}")) for number in (1, 2, 3)]


def test_a_single_node_replicates_nothing() -> None:
    properties = server_properties(NODES[0], NODES[:1])
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:9101"
    assert properties["offsets.topic.replication.factor"] == "1"
    assert properties["min.insync.replicas"] == "1"


def test_three_nodes_form_one_quorum_and_keep_three_copies() -> None:
    properties = [server_properties(node, NODES) for node in NODES]
    assert {each["controller.quorum.voters"] for each in properties} == {
        "1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103"
    }
    assert [each["node.id"] for each in properties] == ["1", "2", "3"]
    assert {each["default.replication.factor"] for each in properties} == {"3"}
    assert {each["min.insync.replicas"] for each in properties} == {"2"}
    assert {each["advertised.listeners"] for each in properties} == {
        f"BROKER://127.0.0.1:900{number}" for number in (1, 2, 3)
    }


def test_history_is_kept_and_topics_are_never_made_by_accident() -> None:
    properties = server_properties(NODES[0], NODES[:1])
    assert (properties["log.retention.ms"], properties["log.retention.bytes"]) == ("-1", "-1")
    assert properties["auto.create.topics.enable"] == "false"


def test_a_killed_broker_is_let_back_in_quickly() -> None:
    properties = server_properties(NODES[0], NODES[:1])
    assert properties["broker.session.timeout.ms"] == "1500"
    assert properties["broker.heartbeat.interval.ms"] == "300"
    assert properties["offsets.topic.num.partitions"] == "4"
    assert properties["group.initial.rebalance.delay.ms"] == "0"


def test_the_properties_file_holds_one_setting_a_line(tmp_path: Path) -> None:
    node = Node(1, "127.0.0.1", 1, 2, tmp_path)
    write_properties(node, {"a": "1", "b": "2"})
    assert node.properties_file.read_text() == "a=1\nb=2\n"


def test_a_cluster_id_is_a_uuid_in_base64url_that_no_tool_takes_for_an_option() -> None:
    ids = {new_cluster_id() for _ in range(50)}
    assert len(ids) == 50
    assert {len(each) for each in ids} == {22}
    assert not any(each.startswith("-") for each in ids)

"""The topics: two for each service, with all history kept."""

import pytest

from shared.events.topics import MAX_MESSAGE_BYTES, SERVICES, TOPICS, Topic, events_topic, parked_topic


def test_every_service_has_a_topic_for_its_events_and_one_for_what_it_parked() -> None:
    assert {topic.name for topic in TOPICS} == {
        f"{service}.{kind}" for service in SERVICES for kind in ("events", "parked")
    }


def test_no_two_topics_share_a_name() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_topics_keep_everything_so_that_views_can_be_rebuilt(topic: Topic) -> None:
    assert topic.settings["retention.ms"] == "-1"
    assert topic.settings["retention.bytes"] == "-1"
    assert topic.settings["cleanup.policy"] == "delete"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_largest_event_that_the_store_takes_fits_a_record(topic: Topic) -> None:
    assert int(topic.settings["max.message.bytes"]) == MAX_MESSAGE_BYTES > 1024 * 1024


def test_settings_of_one_topic_are_its_own() -> None:
    assert Topic("a").settings is not Topic("b").settings


def test_names_are_what_others_subscribe_to() -> None:
    assert (events_topic("pims-sync"), parked_topic("pims-sync")) == ("pims-sync.events", "pims-sync.parked")

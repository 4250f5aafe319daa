import json

import pytest

from deploy.embedded.eventstore.metadata import (
    END_OF_STREAM,
    StreamSettings,
    parse_settings,
    settings_of,
    soft_deleted_metadata,
    undeleted_metadata,
)


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        (StreamSettings(), 0),
        (StreamSettings(truncate_before=4), 4),
        (StreamSettings(max_count=3), 7),
        (StreamSettings(truncate_before=8, max_count=3), 8),
        (StreamSettings(truncate_before=2, max_count=3), 7),
    ],
)
def test_truncation_and_count_hide_the_older_revisions(settings: StreamSettings, first: int) -> None:
    assert max(0, settings.first_visible(last=9)) == first


def test_age_hides_what_was_written_too_long_ago() -> None:
    assert StreamSettings(max_age=2).oldest_visible(now=50_000_000) == 30_000_000
    assert StreamSettings().oldest_visible(now=50_000_000) == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"[1]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"$maxCount": "3", "$tb": true, "$maxAge": 1.5}',
        b'{"$maxCount": 0, "$tb": -1, "$maxAge": 99999999999999999999}',
    ],
)
def test_metadata_without_sense_hides_nothing(raw: bytes) -> None:
    assert parse_settings(raw) == StreamSettings()


def test_a_metadata_stream_shows_its_newest_event_only() -> None:
    assert settings_of("$$s", b'{"$maxCount": 5}').first_visible(last=3) == 3


def test_undeleting_keeps_the_other_keys() -> None:
    assert parse_settings(soft_deleted_metadata()).soft_deleted
    raw = undeleted_metadata(json.dumps({"$tb": END_OF_STREAM, "owner": "x"}).encode(), 7)
    assert json.loads(raw) == {"$tb": 7, "owner": "x"}

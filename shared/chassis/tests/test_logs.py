"""ASVS 16.2, 16.4.1: one JSON line each, with ids, without personal data, secrets or forged lines."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from shared.chassis.logs import about, correlation_id, is_sensitive, log_context, set_up_logging, told, without_set_up
from shared.chassis.settings import ChassisSettings
from shared.chassis.telemetry import span_from
from shared.events.envelope import StoredEvent

CANARY = "Rex-the-canary"
HIDDEN = """
    email Email client_email phone phoneNumber password new_password token access_token accessToken authorization
    Authorization name first_name lastName full_name address street kek token_secret api_secret cookie body text
    note username credential private_pem
"""


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for foreign in ("aiokafka", "asyncio", "driver", "mode"):
        logging.getLogger(foreign).disabled = False  # tools that configure logging for themselves leave it so
    yield
    without_set_up()
    for ours in ("shared", "ops", "demo", "pims_sync"):
        logging.getLogger(ours).setLevel(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)


class Output(io.StringIO):
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def output() -> Output:
    output = Output()
    set_up_logging("demo", "production", "INFO", output)
    return output


def test_a_line_says_when_what_where_and_in_which_request(output: Output) -> None:
    with log_context(correlation_id="request-1"), span_from(None, "work") as span:
        structlog.get_logger("demo.desk").info("slot-booked", revision=3)
        assert correlation_id() == "request-1"
    (line,) = output.lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "service": "demo",
        "env": "production",
        "event": "slot-booked",
        "level": "info",
        "logger": "demo.desk",
        "correlation_id": "request-1",
        "trace_id": format(span.get_span_context().trace_id, "032x"),
        "revision": 3,
    }
    assert correlation_id() is None


def test_the_standard_librarys_logging_comes_out_the_same_way(output: Output) -> None:
    with log_context(correlation_id="request-1"):
        logging.getLogger("aiokafka").warning("broker %s is gone", "b-1")
    (line,) = output.lines()
    assert (line["event"], line["logger"], line["correlation_id"]) == ("broker b-1 is gone", "aiokafka", "request-1")


def test_below_the_level_nothing_is_written(output: Output) -> None:
    structlog.get_logger("demo").debug("detail")
    logging.getLogger("demo").debug("detail")
    assert output.lines() == []


def test_at_debug_our_own_loggers_speak_and_drivers_do_not() -> None:
    """pymongo tells every command there, with its documents."""
    output = Output()
    logging.getLogger("pymongo").setLevel(logging.NOTSET)
    set_up_logging("pims-sync", "production", "DEBUG", output)
    for name in ("shared.chassis.relay", "pims_sync.intake", "pymongo.command"):
        structlog.get_logger(name).debug("detail")
        logging.getLogger(name).debug("detail")
    assert [line["logger"] for line in output.lines()] == ["shared.chassis.relay"] * 2 + ["pims_sync.intake"] * 2


@pytest.mark.parametrize("name", HIDDEN.split())
def test_members_that_may_hold_personal_data_or_secrets_are_hidden(output: Output, name: str) -> None:
    structlog.get_logger("demo").info("seen", **{name: CANARY, "deep": [{name: CANARY}]})
    assert CANARY not in json.dumps(output.lines())
    assert is_sensitive(name)


@pytest.mark.parametrize("name", ["token_id", "clinic_id", "revision", "event", "service", "hostname", "stream", "key"])
def test_ids_are_not_hidden(name: str) -> None:
    assert not is_sensitive(name)


@pytest.mark.parametrize(
    "text",
    [
        "mail to ann.lee+pets@example.org bounced",
        "Bearer abc.def-ghi was refused",
        "token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln seen",
        "cannot reach mongodb://svc:hunter2@mongo:27017/?tls=true",
        "cannot reach esdb://admin:hunter2@store:2113",
    ],
)
def test_what_looks_like_a_secret_is_hidden_in_any_text(output: Output, text: str) -> None:
    structlog.get_logger("demo").warning(text, reason=text, all=[text])
    logging.getLogger("driver").warning("%s", text)
    written = json.dumps(output.lines())
    assert not any(part in written for part in ("ann.lee", "abc.def", "eyJ", "hunter2"))
    assert "[redacted]" in written


def test_an_exception_is_told_by_type_and_place_without_its_message(output: Output) -> None:
    try:
        try:
            int(CANARY)
        except ValueError as error:
            raise RuntimeError(CANARY) from error
    except RuntimeError:
        structlog.get_logger("demo").exception("failed")
        logging.getLogger("demo").exception("failed")
    lines = output.lines()
    assert len(lines) == 2
    for line in lines:
        assert [link["type"] for link in line["exception"]] == ["RuntimeError", "ValueError"]
        assert "test_logs.py" in line["exception"][0]["at"][-1]
    assert CANARY not in json.dumps(lines)


@pytest.mark.parametrize("env", ["development", "production", None])
def test_nothing_of_a_failures_words_or_variables_is_written(
    env: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither before nor after the set-up: structlog's own default would show every local variable."""
    if env is None:
        without_set_up()
    else:
        set_up_logging("demo", env, "DEBUG")
    try:
        keeper = CANARY
        raise ValueError(keeper)
    except ValueError as error:
        structlog.get_logger("demo").exception("failed", error=told(error))
    written = capsys.readouterr().out
    assert CANARY not in written
    (line,) = [json.loads(each) for each in written.splitlines()]
    assert (line["exception"][0]["type"], line["error"]) == ("ValueError", "ValueError")


def test_what_drivers_and_asyncio_say_of_an_error_is_its_type(output: Output) -> None:
    logging.getLogger("mode").error("%s crashed: %r", "Agent", ValueError(CANARY))
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: {ValueError(CANARY)!r}")
    assert [line["event"] for line in output.lines()] == [
        "Agent crashed: 'ValueError'",
        "Task exception was never retrieved",
    ]


class Numbered(Exception):
    code = 11000


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(CANARY), "ValueError"),
        (Numbered(CANARY), "Numbered 11000"),
        (ConnectionError(CANARY), "ConnectionError"),
        (ConnectionRefusedError(111, "refused"), "ConnectionRefusedError: [Errno 111] refused"),
    ],
)
def test_an_error_is_told_by_type_and_number(error: Exception, text: str) -> None:
    assert told(error) == text


def stored(metadata: bytes) -> StoredEvent:
    return StoredEvent(UUID(int=7), "toy.Counted.v1", "tally-elm.1", 3, 4, b"{}", metadata)


def test_lines_about_an_event_carry_its_ids(output: Output) -> None:
    about(stored(b'{"correlation_id":"c-1","clinic_id":"elm","command_id":"k","actor":{"kind":"owner","id":"o"}}'))
    structlog.get_logger("demo").info("gap closed")
    assert correlation_id() == "c-1"
    about(None)
    structlog.get_logger("demo").info("window done")
    first, second = output.lines()
    ids = {"event_id": str(UUID(int=7)), "stream": "tally-elm.1", "correlation_id": "c-1", "clinic_id": "elm"}
    assert first.items() >= {**ids, "command_id": "k"}.items()
    assert ids.keys().isdisjoint(second)
    assert correlation_id() is None


@pytest.mark.parametrize("metadata", [b"not ours", b"[1]", b"{}"])
def test_an_event_without_our_metadata_is_told_all_the_same(output: Output, metadata: bytes) -> None:
    about(stored(metadata))
    structlog.get_logger("demo").info("gap closed")
    about(None)
    assert output.lines()[0]["stream"] == "tally-elm.1"


def test_nobody_can_forge_a_line(output: Output) -> None:
    structlog.get_logger("demo").info('x\n{"event":"forged"}\r\x1b[2J', agent='y\n{"event":"forged"}')
    (line,) = output.lines()
    assert line["event"].startswith("x\n")


def test_odd_values_do_not_break_a_line(output: Output) -> None:
    structlog.get_logger("demo").info("odd", value=object(), keys={1: {2, 3}}, big=2**70)
    assert output.lines()[0]["event"] == "odd"


def test_every_secret_setting_stays_out_of_the_log(output: Output) -> None:
    settings = ChassisSettings()
    structlog.get_logger("demo").info("started", settings=settings.model_dump(), shown=repr(settings))
    written = json.dumps(output.lines())
    secrets = [settings.kek, settings.token_secret]
    assert [secret for secret in secrets if secret.get_secret_value() in written] == []

import pytest

from messaging.api.twilio_signature import is_genuine, signature

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
PUBLISHED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
"""The signature that Twilio's documentation gives for that call with the token 12345."""


def test_the_signature_is_the_one_that_twilio_publishes() -> None:
    assert signature("12345", URL, CALL) == PUBLISHED
    assert signature("12345", URL, reversed(CALL)) == PUBLISHED


@pytest.mark.parametrize(
    ("token", "url", "fields", "given"),
    [
        ("12346", URL, CALL, PUBLISHED),
        ("12345", URL + "&more=1", CALL, PUBLISHED),
        ("12345", URL.replace("https", "http"), CALL, PUBLISHED),
        ("12345", URL, CALL[1:], PUBLISHED),
        ("12345", URL, [*CALL, ("Body", "STOP")], PUBLISHED),
        ("12345", URL, CALL, PUBLISHED.lower()),
        ("12345", URL, CALL, ""),
        ("12345", URL, CALL, "é"),
    ],
)
def test_whatever_was_touched_is_not_genuine(token: str, url: str, fields: list[tuple[str, str]], given: str) -> None:
    assert is_genuine("12345", URL, CALL, PUBLISHED)
    assert not is_genuine(token, url, fields, given)


def test_a_field_that_comes_twice_counts_once_per_value() -> None:
    once = signature("12345", URL, [("MediaUrl", "b"), ("MediaUrl", "a")])
    assert signature("12345", URL, [("MediaUrl", "a"), ("MediaUrl", "b"), ("MediaUrl", "a")]) == once


@pytest.mark.parametrize("signed", ["https://a.example/x?y=1", "https://a.example:443/x?y=1"])
@pytest.mark.parametrize("configured", ["https://a.example/x?y=1", "https://a.example:443/x?y=1"])
def test_a_default_port_may_be_written_or_not(signed: str, configured: str) -> None:
    assert is_genuine("12345", configured, CALL, signature("12345", signed, CALL))
    assert not is_genuine("12345", configured, CALL, signature("12345", "https://a.example:444/x?y=1", CALL))

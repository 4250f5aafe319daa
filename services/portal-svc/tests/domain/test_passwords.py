import pytest

from portal.domain import passwords
from shared.kernel.errors import Refused


def _refusal(password: str, email: str = "client0007@example.org") -> str:
    with pytest.raises(Refused) as refusal:
        passwords.check(password, email)
    return refusal.value.code


@pytest.mark.parametrize("password", ["correct horse", "ßüäö€ñ漢字", "a" * 3 + "b" * 3 + "c" * 122, "        x y"])
def test_asvs_6_2_any_characters_will_do_from_8_to_128(password: str) -> None:
    passwords.check(password, "client0007@example.org")


def test_asvs_6_2_1_seven_characters_are_too_few() -> None:
    assert _refusal("k3#pQz!") == "password-too-short"


def test_asvs_6_2_9_longer_than_128_is_too_long() -> None:
    assert _refusal("ab c" * 32 + "d") == "password-too-long"


@pytest.mark.parametrize("password", ["password1", "PassWord1", "qwertyuiop", "11111111", "abababab"])
def test_asvs_6_2_4_what_everybody_tries_first_is_refused(password: str) -> None:
    assert _refusal(password) == "password-too-common"


@pytest.mark.parametrize("password", ["my-Vetwire-pass", "client0007", "client0007@example.org!", "x client0007 y"])
def test_asvs_6_2_11_our_name_and_the_own_address_are_common_too(password: str) -> None:
    assert _refusal(password) == "password-too-common"


@pytest.mark.parametrize(
    ("password", "email"),
    [
        ("it is jo@example.org", "jo@example.org"),
        ("it is jo@example.org", "Jo@Example.org"),
        ("x client07 y", "client07@example.org"),
        ("x client07 y", "client07@home@example.org"),
    ],
)
def test_asvs_6_2_11_neither_the_address_nor_the_name_in_it_will_do(password: str, email: str) -> None:
    assert _refusal(password, email) == "password-too-common"


def test_a_short_local_part_does_not_forbid_its_letters() -> None:
    passwords.check("a long and winding road", "a@example.org")

"""What a password must be: long enough and not one that everybody tries first (ASVS 6.2.1 to 6.2.12)."""

from shared.kernel.errors import Refused

SHORTEST = 8
LONGEST = 128
_COMMON = """
    password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword passwort motdepasse contraseña
    12345678 123456789 1234567890 123456789a 12345679 123123123 1234512345 12341234 11111111 111111111 00000000
    000000000 22222222 33333333 44444444 55555555 66666666 77777777 88888888 99999999 87654321 987654321 0987654321
    01234567 0123456789 11223344 12121212 123454321 147258369 147852369 159357456 789456123 112233445566
    qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 1qaz2wsx 1qaz2wsx3edc zaq12wsx q1w2e3r4 q1w2e3r4t5
    qazwsxedc asdfghjk asdfghjkl asdf1234 zxcvbnm1 zxcvbnm123 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y qwer1234 abcd1234
    abc12345 abcdefgh abcdefg1 aa123456 a1234567 a12345678 a123456789 iloveyou iloveyou1 iloveyou2 ilovemydog
    ilovemycat ilovedogs ilovecats sunshine sunshine1 princess princess1 football football1 baseball baseball1
    basketball superman superman1 batman123 spiderman pokemon1 pokemon123 starwars starwars1 michael1 jennifer
    jessica1 michelle charlie1 computer computer1 internet samsung1 whatever trustno1 welcome1 welcome12 welcome123
    welcome2026 letmein1 letmein123 administrator admin123 admin1234 changeme changeme1 changeit secret123
    default1 temporary testtest test1234 testing123 hello123 hello1234 dragon123 monkey123 shadow123 master123
    freedom1 mustang1 corvette mercedes liverpool chelsea1 arsenal1 summer2025 summer2026 winter2025 winter2026
    spring2026 autumn2026 november november2026 butterfly chocolate cookie123 buster123 bella123 bailey123 max12345
    veterinary veterinarian vetclinic animalhospital
"""
COMMON = frozenset(_COMMON.split())
OWN_WORDS = ("vetwire",)


def check(password: str, email: str) -> None:
    """Refusals: `password-too-short`, `password-too-long` (characters, 8 to 128), `password-too-common`.

    No rules of composition: they make passwords worse. A password that holds the address or our name is common too.
    """
    if len(password) < SHORTEST:
        raise Refused("password-too-short")
    if len(password) > LONGEST:
        raise Refused("password-too-long")
    lowered = password.lower()
    own = (email.lower(), *(part for part in (email.lower().partition("@")[0],) if len(part) >= SHORTEST), *OWN_WORDS)
    if lowered in COMMON or len(set(lowered)) < 3 or any(word and word in lowered for word in own):
        raise Refused("password-too-common")

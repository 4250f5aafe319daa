import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.domain.keywords import HELP, OPT_IN, OPT_OUT, keyword_of, normalised


@pytest.mark.parametrize("word", sorted(OPT_OUT))
def test_sms_rules_keywords_every_opt_out_word_stops(word: str) -> None:
    assert keyword_of(word) == keyword_of(word.upper()) == keyword_of(f" {word.title()}.\n") == "stop"


@pytest.mark.parametrize("word", sorted(OPT_IN))
def test_r83_opt_in_words_count_in_any_case(word: str) -> None:
    assert keyword_of(word) == keyword_of(word.upper()) == keyword_of(word.title()) == "start"


@pytest.mark.parametrize("word", sorted(HELP))
def test_help_words_ask_for_help(word: str) -> None:
    assert keyword_of(word.upper()) == "help"


@pytest.mark.parametrize(
    "body",
    [
        "“STOP”",
        "'Stop!'",
        '"stop".',
        "STOP  ALL",
        "Stop\nall",
        "ＳＴＯＰ",
        "st\u200bop",
        "\u2068Stop\u2069",
        "STOP !!",
        "«stop»",
    ],
)
def test_sms_rules_1_quotes_punctuation_width_and_spaces_do_not_matter(body: str) -> None:
    assert keyword_of(body) == "stop"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "?!",
        "stop please",
        "Please stop",
        "nonstop",
        "don't stop",
        "yes please",
        "start at 9?",
        "help me",
        "s t o p",
    ],
)
def test_sms_rules_2_a_message_that_says_more_is_an_ordinary_text(body: str) -> None:
    assert keyword_of(body) is None


def test_the_classes_of_words_do_not_overlap_and_are_normal_themselves() -> None:
    assert not OPT_OUT & OPT_IN
    assert not (OPT_OUT | OPT_IN) & HELP
    assert {normalised(word) for word in OPT_OUT | OPT_IN | HELP} == OPT_OUT | OPT_IN | HELP


quotes = st.text("\"'`´‘’“”„«» ", max_size=4)


@given(st.sampled_from(sorted(OPT_OUT | OPT_IN | HELP)), quotes, quotes, st.sampled_from(["", ".", "!!", "…", " ?"]))
def test_sms_rules_1_what_surrounds_a_word_does_not_matter(word: str, before: str, after: str, end: str) -> None:
    assert keyword_of(before + word.upper() + end + after) == keyword_of(word)


@given(st.text())
def test_any_text_has_one_class_or_none(body: str) -> None:
    assert keyword_of(body) in {"stop", "start", "help", None}

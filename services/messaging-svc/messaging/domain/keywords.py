"""Which texts are commands: the whole message, after normalisation, is one of the agreed words."""

import unicodedata

from shared.events.messaging import Keyword

# Of the FCC and of every provider: a word too many stops a text too many, a word too few breaks the law.
OPT_OUT = frozenset(
    {
        "stop",
        "stopall",
        "stop all",
        "unsubscribe",
        "cancel",
        "end",
        "quit",
        "revoke",
        "optout",
        "opt out",
        "opt-out",
        "remove",
    }
)
OPT_IN = frozenset({"start", "yes", "unstop"})
HELP = frozenset({"help", "info"})
_QUOTES = "\"'`´‘’‚‛“”„‟«»‹›"
_END_PUNCTUATION = ".,;:!?…。"


def keyword_of(body: str) -> Keyword | None:
    """The keyword that the text amounts to; None for anything that says more than that."""
    text = normalised(body)
    if text in OPT_OUT:
        return "stop"
    if text in OPT_IN:
        return "start"
    return "help" if text in HELP else None


def normalised(body: str) -> str:
    """Compatibility forms composed, case folded, one space between words, no quotes around, no punctuation at the end.

    Invisible characters go too: keyboards put them where nobody sees them.
    """
    # Trimmed before composing too: the acute accent, much used as a quote, decomposes into a mark on the next letter.
    composed = unicodedata.normalize("NFKC", _trimmed(body))
    visible = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    return _trimmed(" ".join(visible.casefold().split()))


def _trimmed(text: str) -> str:
    return text.strip().lstrip(_QUOTES + " ").rstrip(_QUOTES + _END_PUNCTUATION + " ")

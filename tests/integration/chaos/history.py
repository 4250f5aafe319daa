"""What was asked of the system and what it answered: one JSON line for every attempt (reliability B.2)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Answer:
    """`unknown`: nobody can tell from it whether the command happened. `status` is None when nothing came back."""

    outcome: Outcome
    status: int | None
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shows:
    """An effect in the event store: one event of `type` with `value` in some field.

    `value` may name a member of the command's answer in braces: `{run_id}`.
    """

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Mailed:
    """An effect on the world: one mail to `to` whose text holds `says`, in braces as in `Shows`."""

    to: str
    says: str = ""


@dataclass(slots=True)
class Wish:
    """One numbered command, all attempts at it, and what must come of it. Without a `key` its state tells a repeat."""

    number: int
    round: int
    kind: str
    key: str
    shows: tuple[Shows, ...]
    mails: tuple[Mailed, ...] = ()
    answers: list[Answer] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """The first answer that settles it; unknown while there is none."""
        return next((answer.outcome for answer in self.answers if answer.outcome != "unknown"), "unknown")

    @property
    def successes(self) -> list[Mapping[str, Any]]:
        """The bodies of all answers that said yes."""
        return [answer.body for answer in self.answers if answer.outcome == "ok"]

    def filled(self, template: str) -> str:
        """The template with the members of the first success."""
        return template.format_map(self.successes[0]) if self.successes else template


class History:
    """All wishes of a run; every attempt is written down as it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wishes: list[Wish] = []

    def begin(
        self, round_: int, kind: str, shows: tuple[Shows, ...], mails: tuple[Mailed, ...] = (), key: str = ""
    ) -> Wish:
        """A new wish; its number is its place in the history."""
        wish = Wish(len(self.wishes), round_, kind, key, shows, mails)
        self.wishes.append(wish)
        return wish

    def note(self, wish: Wish, answer: Answer) -> None:
        """One attempt at it ended so."""
        wish.answers.append(answer)
        told = {"number": wish.number, "round": wish.round, "kind": wish.kind, "key": wish.key, **asdict(answer)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")

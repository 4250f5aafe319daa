"""Places where a test can let a process die as by kill -9: `VETWIRE_CRASH_POINT=point[:n]`, at the n-th time there.

Nothing but a comparison happens where no point is armed, and production refuses to be armed (reliability B.2.1).
"""

import os
import signal
from enum import StrEnum


class Point(StrEnum):
    """In the order in which a command and its events come through them; the last ones are an operator's."""

    AFTER_CLAIM = "after_claim"
    AFTER_LOAD = "after_load"
    AFTER_DECIDE = "after_decide"
    AFTER_APPEND_BEFORE_REPLY = "after_append_before_reply"
    AFTER_ANSWER_KEPT_BEFORE_REPLY = "after_answer_kept_before_reply"
    AFTER_PUBLISH_BEFORE_CHECKPOINT = "after_publish_before_checkpoint"
    AFTER_VIEWS_BEFORE_AUTOMATIONS = "after_views_before_automations"
    AFTER_PARK_BEFORE_TELLING = "after_park_before_telling"
    AFTER_REACTION_BEFORE_INBOX = "after_reaction_before_inbox"
    AFTER_ERASURE_NOTED_BEFORE_FOLD = "after_erasure_noted_before_fold"
    AFTER_MONGO_BEFORE_ACK = "after_mongo_before_ack"
    AFTER_EFFECT_BEFORE_MARK = "after_effect_before_mark"
    MID_REBUILD = "mid_rebuild"
    BEFORE_SWITCH = "before_switch"
    AFTER_SWITCH_BEFORE_RELEASE = "after_switch_before_release"


class _Armed:
    def __init__(self, point: Point, times: int) -> None:
        self._point = point
        self._left = times

    def reached(self, point: Point) -> None:
        if point is self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


_armed: _Armed | None = None


def passing(point: Point) -> None:
    """Told at every point; does not return where the process was armed to die."""
    if _armed is not None:
        _armed.reached(point)


def arm(words: str, env: str) -> None:
    """Die at `point[:n]`; empty words ask for nothing. ValueError for an unknown point, and outside of development."""
    global _armed
    if not words:
        _armed = None
        return
    if env != "development":
        raise ValueError("crash points are for development")
    point, _, times = words.partition(":")
    _armed = _Armed(Point(point), int(times or 1))

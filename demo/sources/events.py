"""Rows of session_events: the events of each session."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from classwaves_schemas.tables import SESSION_EVENTS
from demo.sources.roster import (
    GROUP,
    MINUTE,
    PROMPT,
    ROW,
    TEACHER,
    Flags,
    Ints,
    Roster,
    but_null,
    ids,
    pseudonyms,
    table,
)

_SECOND = MINUTE // 60
_LATE = 13 * 60 * MINUTE
_ACTIONS = np.array(["acknowledge", "use", "dismiss", "snooze", "copy"])


@dataclass(frozen=True, slots=True)
class _Rows:
    """Events of one type, by the places of their sessions."""

    event_type: str
    of: Ints
    at: Ints
    payload: pa.Array


def session_events(rng: np.random.Generator, roster: Roster) -> tuple[str, pa.Table]:
    """The table, in the order of event_time."""
    parts = [
        *_life(rng, roster),
        *_groups(rng, roster),
        *_membership(rng, roster),
        _prompts(rng, roster),
    ]
    of = np.concatenate([each.of for each in parts])
    at = np.concatenate([each.at for each in parts])
    order = np.argsort(at, kind="stable")
    of, at = of[order], at[order]
    types = pa.concat_arrays(
        [pa.repeat(pa.scalar(each.event_type), len(each.of)) for each in parts]
    ).take(order)
    payload = pa.concat_arrays([each.payload for each in parts]).take(order)
    lag = rng.exponential(3 * _SECOND, len(of)).astype(np.int64)
    unstamped = rng.uniform(size=len(of)) < 0.01
    teachers = ids(TEACHER, roster.teacher[of])
    return table(
        SESSION_EVENTS,
        len(of),
        {
            "id": ids(ROW, np.arange(len(of))),
            "session_id": roster.session_ids.take(of),
            "teacher_id": pc.if_else(pc.equal(types, "leader_ready"), "system", teachers),
            "event_type": types,
            "event_time": at,
            # Older writers' quotes broke their JSON.
            "payload": pc.if_else(
                pa.array(rng.uniform(size=len(of)) < 0.0005), '{"reason":"O"Neil"}', payload
            ),
            "created_at": but_null(pa.array(at + lag), unstamped),
            "school_id": roster.envelope_schools(rng, of),
            "schema_version": np.ones(len(of), np.int32),
            "kafka_partition": (of % 6).astype(np.int32),
            "kafka_offset": np.arange(len(of)),
        },
    )


def _life(rng: np.random.Generator, roster: Roster) -> list[_Rows]:
    started = ~roster.never_started
    resumed = started & (roster.resumed >= 0)
    between = started & roster.ended_between
    pause = roster.begins + (roster.ends - roster.begins) // 2
    at_end = ~(roster.never_ended | roster.ended_late)
    return [
        _plain(
            "configured",
            roster.begins - rng.integers(MINUTE, 10 * MINUTE, len(roster)),
            started | started,
        ),
        _plain("started", roster.begins, started),
        _plain("started", roster.resumed, resumed),
        _plain("ended", pause, between),
        _plain("started", pause + 3 * MINUTE, between),
        _plain("ended", roster.ends, at_end),
        _plain("ended", roster.ends + 7 * _SECOND, roster.ended_twice),
        _plain("ended", roster.ends + _LATE, roster.ended_late),
    ]


def _plain(event_type: str, at: Ints, where: Flags) -> _Rows:
    of = np.flatnonzero(where)
    payload = '{"timestamp":"2025-09-15T14:05:31.902Z","source":"session_controller"}'
    return _Rows(event_type, of, at[of], pa.repeat(pa.scalar(payload), len(of)))


def _groups(rng: np.random.Generator, roster: Roster) -> list[_Rows]:
    of = np.repeat(np.arange(len(roster)), roster.groups)
    ready = rng.uniform(size=len(of)) < 0.9
    group = ids(GROUP, np.flatnonzero(ready))
    at = roster.begins[of[ready]] - rng.integers(0, MINUTE, int(ready.sum()))
    payload = pc.binary_join_element_wise('{"groupId":"', group, '","groupNumber":1}', "")
    return [_Rows("leader_ready", of[ready], at, payload)]


def _membership(rng: np.random.Generator, roster: Roster) -> list[_Rows]:
    """Return joins and leaves of five members a group, some repeated or interrupted."""
    of = np.repeat(np.arange(len(roster)), roster.groups * 5)
    member = np.arange(len(of))
    # A pupil may sit in several sessions of a day: half of the numbers are used twice.
    pupil = pseudonyms(np.where(member % 4 == 3, member // 2, member))
    group = ids(GROUP, member // 5)
    came = roster.begins[of] + rng.integers(-4 * MINUTE, 3 * MINUTE, len(of))
    left = roster.ends[of] - rng.integers(0, MINUTE, len(of))
    dropped = roster.begins[of] + (
        (roster.ends - roster.begins)[of] * rng.uniform(0.2, 0.8, len(of))
    ).astype(np.int64)
    draw = rng.uniform(size=len(of))
    again, dropping, returning, leaving = draw < 0.1, draw > 0.85, draw > 0.88, draw < 0.97

    def rows(event_type: str, at: Ints, where: Flags) -> _Rows:
        places = np.flatnonzero(where)
        field = '","studentId":"' if event_type == "member_join" else '","userId":"'
        payload = pc.binary_join_element_wise(
            '{"groupId":"', group.take(places), field, pupil.take(places), '","role":"student"}', ""
        )
        return _Rows(event_type, of[places], at[places], payload)

    everyone = np.ones(len(of), np.bool_)
    return [
        rows("member_join", came, everyone),
        rows("member_join", came + 5 * _SECOND, again),
        rows("member_leave", dropped, dropping),
        rows("member_join", dropped + MINUTE, returning),
        rows("member_leave", left, leaving & ~(dropping & ~returning)),
    ]


def _prompts(rng: np.random.Generator, roster: Roster) -> _Rows:
    of = np.repeat(np.arange(len(roster)), rng.integers(10, 30, len(roster)))
    at = roster.begins[of] + ((roster.ends - roster.begins)[of] * rng.uniform(size=len(of))).astype(
        np.int64
    )
    # A prompt is acted on more than once.
    prompt = ids(PROMPT, np.arange(len(of)) // 2)
    action = pa.array(_ACTIONS[rng.integers(0, len(_ACTIONS), len(of))])
    payload = pc.binary_join_element_wise('{"promptId":"', prompt, '","action":"', action, '"}', "")
    return _Rows("prompt_interaction", of, at, payload)

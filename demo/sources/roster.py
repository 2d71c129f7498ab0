"""Which sessions there are: who gives them, where, when, and what is odd about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import pyarrow as pa

from demo.sources.columns import MINUTE, Flags, Ints, but_null, ids

SCHOOL, TEACHER, SESSION, GROUP, PROMPT, ROW = range(1, 7)
"""Kinds of ids."""

_HOUR = 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Roster:
    """Sessions, one at each place of all arrays; times in microseconds since 1970.

    Args:
        begins, ends: of the lesson as it really was.
        resumed: when it was started once more; -1 if it was not.
        never_started, never_ended, ended_late, ended_twice, ended_between: what is odd in what was told about it.
        unnamed: the envelopes of its events name no school.
        unknown: classroom_sessions does not have it.
        disputed: some of its envelopes name another school.
        groups: how many it has; they are numbered from `first_group` on.
    """

    schools: int
    school: Ints
    teacher: Ints
    begins: Ints
    ends: Ints
    resumed: Ints
    never_started: Flags
    never_ended: Flags
    ended_late: Flags
    ended_twice: Flags
    ended_between: Flags
    unnamed: Flags
    unknown: Flags
    disputed: Flags
    groups: Ints
    first_group: Ints

    @classmethod
    def draw(
        cls, rng: np.random.Generator, first: datetime, hours: int, schools: int, sessions: int
    ) -> Self:
        """A random roster; the arguments are those of `sources`."""
        since = int(first.timestamp()) * 1_000_000
        begins = since + np.sort(rng.integers(0, hours * _HOUR, sessions))
        ends = begins + rng.integers(25 * MINUTE, 55 * MINUTE, sessions)
        resumed = begins + ((ends - begins) * rng.uniform(0.3, 0.7, sessions)).astype(np.int64)
        school = (schools * rng.beta(1, 2, sessions)).astype(np.int64)
        groups = rng.integers(4, 7, sessions)
        odd = rng.uniform(size=sessions)
        unnamed = rng.uniform(size=sessions) < 0.05
        return cls(
            schools=schools,
            school=school,
            teacher=school * 1_000
            + rng.integers(0, max(2, sessions // schools // hours), sessions),
            begins=begins,
            ends=ends,
            resumed=np.where(rng.uniform(size=sessions) < 0.15, resumed, -1),
            never_started=odd < 0.01,
            never_ended=(odd >= 0.01) & (odd < 0.05),
            ended_late=(odd >= 0.05) & (odd < 0.07),
            ended_twice=(odd >= 0.07) & (odd < 0.10),
            ended_between=(odd >= 0.10) & (odd < 0.13),
            unnamed=unnamed,
            unknown=unnamed & (rng.uniform(size=sessions) < 0.2),
            disputed=rng.uniform(size=sessions) < 0.01,
            groups=groups,
            first_group=np.cumsum(groups) - groups,
        )

    def __len__(self) -> int:
        return len(self.begins)

    @property
    def session_ids(self) -> pa.Array:
        """The ids of all sessions."""
        return ids(SESSION, np.arange(len(self)))

    def school_ids(self, of: Ints) -> pa.Array:
        """The schools of sessions, by their places."""
        return ids(SCHOOL, self.school[of])

    def envelope_schools(self, rng: np.random.Generator, of: Ints) -> pa.Array:
        """What the envelopes of events say, by the places of their sessions."""
        stray = self.disputed[of] & (rng.uniform(size=len(of)) < 0.3)
        named = ids(SCHOOL, np.where(stray, (self.school[of] + 1) % self.schools, self.school[of]))
        return but_null(named, self.unnamed[of])

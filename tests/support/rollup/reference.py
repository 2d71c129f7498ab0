"""A reference implementation of docs/rollup.md, slow and simple, to compare the SQL with.

Rows are dictionaries; sources are lists of rows by qualified name. A source may be missing.
"""

from collections import defaultdict
from datetime import datetime

from tests.support.rollup.reference_hour import (
    MAX_DURATION,
    HourSources,
    Row,
    Sources,
    micros,
    minutes,
    payload_field,
)
from tests.support.rollup.reference_totals import Fact


def facts(sources: Sources, hour: datetime) -> set[Fact]:
    """All facts of an hour."""
    data = HourSources(sources, hour)
    active = {
        session: minutes(time) for session, time in data.active().items() if data.school(session)
    }
    found = set(_of_events(data, active))
    found |= set(_of_session_metrics(data, active))
    found |= set(_of_group_metrics(data, active))
    found |= set(_of_educational_metrics(data))
    transcribed = {
        row["id"]: row["transcription_enabled"]
        for row in sorted(
            (
                row
                for row in data.rows("sessions.classroom_sessions")
                if row["transcription_enabled"] is not None
            ),
            key=lambda row: row["transcription_enabled"],
        )
    }
    for session in transcribed.keys() & active:
        amount = active[session] if transcribed[session] else 0.0
        found.add(
            Fact(
                str(data.school(session)),
                "classroom_sessions",
                "transcription",
                session,
                amount,
            )
        )
    for row in data.rows("sessions.student_groups"):
        if row["session_id"] in active and row["id"] is not None:
            found.add(
                Fact(
                    str(data.school(row["session_id"])),
                    "student_groups",
                    "group",
                    row["id"],
                )
            )
    found |= set(_of_system_events(data))
    found |= set(_of_api_metrics(data))
    return found


def _as_of(source: str, written: list[tuple[str, datetime | None]]) -> list[Fact]:
    newest: dict[str, datetime] = {}
    without = set()
    for school, time in written:
        if time is None:
            without.add(school)
        else:
            newest[school] = max(time, newest.get(school, time))
    known = [Fact(school, source, "as_of", None, micros(time)) for school, time in newest.items()]
    return known + [Fact(school, source, "as_of") for school in without - newest.keys()]


def _of_events(data: HourSources, active: dict[str, float]) -> list[Fact]:
    source = "session_events"
    found = []
    counted = set(active)
    for session, time in active.items():
        found.append(Fact(str(data.school(session)), source, "session", session, time))
        pupils = {_pupil(row) for row in data.events if row["session_id"] == session}
        found += [
            Fact(str(data.school(session)), source, "student", pupil)
            for pupil in pupils
            if pupil and pupil.startswith("p1_") and _there(data, session, pupil)
        ]
        groups = {
            row["id"]
            for row in data.rows("sessions.student_groups")
            if row["session_id"] == session
        }
        found += [
            Fact(
                str(data.school(session)),
                source,
                "group_ready",
                payload_field(row, "groupId"),
            )
            for row in data.events
            if row["session_id"] == session
            and row["event_type"] == "leader_ready"
            and payload_field(row, "groupId") in groups
        ]
    for session in data.completed():
        if school := data.school(session):
            counted.add(session)
            found.append(Fact(school, source, "session_completed", session))
    for interval in data.session_intervals():
        if (
            interval.within(data.hour)
            and interval.session in active
            and interval.teacher not in ("", "system")
        ):
            found.append(
                Fact(
                    str(data.school(interval.session)),
                    source,
                    "teacher",
                    interval.teacher,
                )
            )
    for row in data.events:
        used = row["event_type"] == "prompt_interaction" and data.in_hour(row["event_time"])
        if (
            used
            and payload_field(row, "action") == "use"
            and payload_field(row, "promptId") is not None
            and (school := data.school(row["session_id"]))
        ):
            counted.add(row["session_id"])
            found.append(Fact(school, source, "prompt_used", payload_field(row, "promptId")))
    written = [
        (str(data.school(each["session_id"])), each["created_at"])
        for each in data.events
        if each["session_id"] in counted and each["event_time"] < data.end
    ]
    return found + _as_of(source, written)


def _pupil(row: Row) -> str | None:
    if row["event_type"] not in ("member_join", "member_leave"):
        return None
    return payload_field(row, "studentId") or payload_field(row, "userId")


def _there(data: HourSources, session: str, pupil: str) -> bool:
    theirs = [row for row in data.events if row["session_id"] == session and _pupil(row) == pupil]
    joins = [row["event_time"] for row in theirs if row["event_type"] == "member_join"]
    leaves = [
        row["event_time"]
        for row in theirs
        if row["event_type"] == "member_leave" and row["event_time"] < data.hour
    ]
    return bool(joins) and not any(leave > max(joins) for leave in leaves)


def _latest(data: HourSources, rows: list[Row], active: dict[str, float]) -> Row | None:
    valid = [
        row
        for row in rows
        if row["session_id"] in active
        and row["calculation_timestamp"]
        >= max(data.hour - MAX_DURATION, data.first_started(row["session_id"]))
    ]
    return max(valid, key=lambda row: (row["calculation_timestamp"], row["id"]), default=None)


def _by(rows: list[Row], *columns: str) -> list[list[Row]]:
    kinds = defaultdict(list)
    for row in rows:
        kinds[tuple(row[column] for column in columns)].append(row)
    return list(kinds.values())


def _of_session_metrics(data: HourSources, active: dict[str, float]) -> list[Fact]:
    found = []
    written = []
    for rows in _by(data.rows("analytics.session_metrics"), "session_id"):
        row = _latest(data, rows, active)
        if row is None:
            continue
        session, school = row["session_id"], str(data.school(row["session_id"]))
        parts = [
            row[name] for name in ("attention_score", "interaction_score", "on_topic_percentage")
        ]
        there = [float(part) for part in parts if part is not None]
        amounts = {
            "engagement": row["overall_engagement_score"],
            "participation": row["participation_rate"],
            "quality": sum(there) / len(there) if there else None,
            "connection": row["average_connection_quality"],
        }
        for name, amount in amounts.items():
            if amount is not None:
                found.append(
                    Fact(school, "session_metrics", name, session, float(amount), active[session])
                )
                written.append((school, row["calculation_timestamp"]))
    return found + _as_of("session_metrics", written)


def _of_group_metrics(data: HourSources, active: dict[str, float]) -> list[Fact]:
    found = []
    written = []
    for rows in _by(data.rows("analytics.group_metrics"), "session_id", "group_id"):
        row = _latest(data, rows, active)
        if row is None or row["turn_taking_score"] is None:
            continue
        school = str(data.school(row["session_id"]))
        weight = 1.0 if row["members_present"] is None else float(row["members_present"])
        amount = float(row["turn_taking_score"])
        found.append(
            Fact(school, "group_metrics", "collaboration", row["group_id"], amount, weight)
        )
        written.append((school, row["calculation_timestamp"]))
    return found + _as_of("group_metrics", written)


def _of_educational_metrics(data: HourSources) -> list[Fact]:
    source = "educational_metrics"
    sums = {
        "prompts_generated": "prompts_generated",
        "interventions": "interventions",
        "alerts_generated": "alerts",
        "ai_analyses_completed": "ai_analyses",
    }
    means = {"ai_processing_time_ms": "ai_processing_time", "ai_success_rate": "ai_success_rate"}
    values = defaultdict(list)
    written = []
    for row in data.rows("analytics.educational_metrics"):
        school = data.school(row["session_id"])
        name = (sums | means).get(row["metric_name"])
        usable = data.in_hour(row["calculation_timestamp"]) and row["session_id"] != "system"
        if usable and name and school and row["metric_value"] is not None:
            values[school, name].append(row["metric_value"])
            written.append((school, row["calculation_timestamp"]))
    found = []
    for (school, name), amounts in values.items():
        if name in sums.values():
            found.append(Fact(school, source, name, None, float(sum(amounts))))
        else:
            found.append(
                Fact(
                    school,
                    source,
                    name,
                    None,
                    float(sum(amounts)) / len(amounts),
                    float(len(amounts)),
                )
            )
    return found + _as_of(source, written)


def _of_system_events(data: HourSources) -> list[Fact]:
    severities = defaultdict(list)
    written = []
    for row in data.rows("operational.system_events"):
        school = row["school_id"] or (row["session_id"] and data.school(row["session_id"]))
        if data.in_hour(row["created_at"]) and school:
            severities[school].append(row["severity"])
            written.append((school, row["created_at"]))
    found = []
    for school, logged in severities.items():
        errors = [severity for severity in logged if severity in ("error", "critical")]
        found.append(Fact(school, "system_events", "error", None, float(len(errors))))
    return found + _as_of("system_events", written)


def _of_api_metrics(data: HourSources) -> list[Fact]:
    times, statuses, written = defaultdict(list), defaultdict(list), []
    for row in data.rows("operational.api_metrics"):
        school = row["school_id"]
        if not (data.in_hour(row["timestamp"]) and school):
            continue
        if row["response_time_ms"] is not None:
            times[school].append(row["response_time_ms"])
            written.append((school, row["timestamp"]))
        if row["status_code"] is not None:
            statuses[school].append(row["status_code"])
            written.append((school, row["timestamp"]))
    found = []
    for school, answers in times.items():
        weight = float(len(answers))
        found.append(
            Fact(school, "api_metrics", "response_time", None, sum(answers) / len(answers), weight)
        )
    for school, codes in statuses.items():
        failed = 100 * len([code for code in codes if code >= 500]) / len(codes)
        found.append(Fact(school, "api_metrics", "server_error", None, failed, float(len(codes))))
    return found + _as_of("api_metrics", written)


def without_school(sources: Sources, hour: datetime) -> int:
    data = HourSources(sources, hour)
    return len(
        {
            (row["session_id"], row["id"])
            for row in data.events
            if data.in_hour(row["event_time"]) and data.school(row["session_id"]) is None
        }
    )

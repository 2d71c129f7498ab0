"""The totals of facts in the reference implementation, by school."""

from datetime import timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from tests.support.rollup.reference_hour import EPOCH


class Fact(NamedTuple):
    school: str
    source: str
    name: str
    entity: str | None = None
    amount: float | None = None
    weight: float | None = None


def totals(
    found: list[Fact],
    storage_gb_per_minute: float | None = None,
    cost_per_minute: float | None = None,
) -> dict[str, dict[str, Any]]:
    """School → the columns of docs/rollup.md, from the facts of one hour or of several."""
    return {
        school: _columns(
            [fact for fact in found if fact.school == school],
            storage_gb_per_minute,
            cost_per_minute,
        )
        for school in {fact.school for fact in found}
    }


def _columns(found: list[Fact], storage: float | None, cost: float | None) -> dict[str, Any]:
    def named(name: str) -> list[Fact]:
        return [fact for fact in found if fact.name == name]

    def entities(name: str, default: int | None = None) -> int | None:
        return len({fact.entity for fact in named(name)}) if named(name) else default

    def total(name: str) -> float | None:
        amounts = [Fraction(fact.amount) for fact in named(name) if fact.amount is not None]
        return float(sum(amounts)) if amounts else None

    def rounded(name: str) -> int | None:
        amount = total(name)
        return None if amount is None else int(amount + 0.5)

    def mean(name: str) -> float | None:
        weights = sum(Fraction(fact.weight or 0) for fact in named(name))
        return (
            float(
                sum(Fraction(each.amount or 0) * Fraction(each.weight or 0) for each in named(name))
                / weights
            )
            if weights
            else None
        )

    as_of = [fact.amount for fact in named("as_of") if fact.amount is not None]
    minutes = total("session")
    groups = entities("group")
    method = ["facts"]
    if storage is not None:
        method.append(f"storage {storage} GB/min")
    if cost is not None:
        method.append(f"cost {cost}/min")
    events = [fact for fact in found if fact.source == "session_events"]
    return {
        "sessions_active": entities("session", 0),
        "sessions_completed": entities("session_completed", 0),
        "teachers_active": entities("teacher", 0),
        "students_active": entities("student"),
        "total_groups": groups,
        "ready_groups": None if groups is None else entities("group_ready", 0),
        "avg_session_quality": mean("quality"),
        "avg_engagement_score": mean("engagement"),
        "avg_participation_rate": mean("participation"),
        "avg_collaboration_score": mean("collaboration"),
        "avg_audio_quality": None,
        "avg_connection_stability": mean("connection"),
        "total_errors": rounded("error"),
        "avg_response_time": mean("response_time"),
        "websocket_connections": None,
        "avg_latency_ms": None,
        "error_rate": mean("server_error"),
        "total_prompts_generated": rounded("prompts_generated"),
        "total_prompts_used": entities("prompt_used", 0) if events else None,
        "total_interventions": rounded("interventions"),
        "total_alerts": rounded("alerts"),
        "ai_analyses_completed": rounded("ai_analyses"),
        "avg_ai_processing_time": mean("ai_processing_time"),
        "ai_analysis_success_rate": mean("ai_success_rate"),
        "total_transcription_minutes": total("transcription"),
        "total_storage_gb": None if storage is None or minutes is None else minutes * storage,
        "estimated_compute_cost": None if cost is None or minutes is None else minutes * cost,
        "data_sources_count": len({fact.source for fact in found}),
        "calculation_method": "; ".join(method),
        "calculated_at": EPOCH + timedelta(microseconds=int(max(as_of))) if as_of else None,
    }

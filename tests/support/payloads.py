"""Payloads of the backend: from its code, from older versions, from its tests and live paths."""

GROUP = "a6a7c9a4-2f0e-4a0f-9c55-3e5c1d9b7e44"
LEADER = "7d0f1f0e-0a53-4f7b-9a0e-1f7f0b9f2c11"
PUPIL = "b1f7a5f2-63b5-44ac-8d7e-0b8d5a1f9a02"
SESSION = "3d9f1c52-5d0e-4d7e-a2f7-2b7d0f6a9c10"
PROMPT = "e7b7c7de-9b0f-4f7e-8bb9-0c3a6f1d2a66"
AT = "2025-09-15T14:05:31.902Z"

ROSTER = {
    "groupPlan": {
        "numberOfGroups": 2,
        "groupSize": 4,
        "groups": [
            {"name": "Group A", "leaderId": LEADER, "memberIds": [LEADER, PUPIL]},
            {
                "name": "Maya's team",
                "leaderId": "c2a9f2d4-3a0b-4a55-8d7c-52e3f0b1c903",
                "memberIds": [],
            },
        ],
    },
    "timestamp": AT,
    "source": "session_controller",
    "groupCount": 2,
}
NOTES = 'Stopped early; "phones out" again.\nTalk to group 2, O\'Neil.'

EMITTED: list[tuple[str, dict[str, object]]] = [
    ("configured", ROSTER),
    ("configured", {"numberOfGroups": 3, "groupSize": 4, "totalMembers": 12, "leadersAssigned": 3}),
    ("configured", {"sessionId": SESSION, "status": "configured"}),
    (
        "configured",
        {
            "groupPlan": {"numberOfGroups": 2, "groupSize": 4},
            "groupSizes": [2, 1],
            "memberCount": 3,
        },
    ),
    (
        "started",
        {
            "readyGroupsAtStart": 4,
            "startedWithoutReadyGroups": False,
            "timestamp": AT,
            "source": "session_controller",
            "readinessRatio": 1,
        },
    ),
    (
        "started",
        {
            "readyGroupsAtStart": 2,
            "startedWithoutReadyGroups": True,
            "timestamp": AT,
            "source": "websocket",
        },
    ),
    (
        "started",
        {
            "readyGroupsAtStart": 0,
            "startedWithoutReadyGroups": False,
            "readinessRatio": 0.6666666666666666,
        },
    ),
    ("started", {"totalGroups": 4, "targetGroupSize": 5}),
    (
        "leader_ready",
        {"groupId": GROUP, "leaderId": LEADER, "timestamp": AT, "source": "websocket_service"},
    ),
    ("leader_ready", {"groupId": GROUP, "groupNumber": 1, "timestamp": AT}),
    (
        "member_join",
        {
            "groupId": None,
            "studentId": PUPIL,
            "role": "student",
            "timestamp": AT,
            "source": "session_controller",
        },
    ),
    ("member_join", {"groupId": GROUP, "memberCount": 1}),
    ("member_join", {"sessionId": SESSION, "groupId": GROUP, "studentId": PUPIL}),
    (
        "member_leave",
        {"groupId": GROUP, "userId": PUPIL, "timestamp": AT, "source": "sessions_namespace"},
    ),
    (
        "member_leave",
        {
            "userId": PUPIL,
            "reason": "transport close",
            "timestamp": AT,
            "source": "sessions_namespace",
        },
    ),
    (
        "ended",
        {
            "reason": "student_behavior",
            "teacherNotes": NOTES,
            "duration_seconds": 911,
            "timestamp": AT,
        },
    ),
    (
        "ended",
        {
            "reason": "planned_completion",
            "duration_seconds": 2704,
            "timestamp": AT,
            "source": "session_controller",
        },
    ),
    ("prompt_interaction", {"promptId": PROMPT, "action": "dismiss", "feedback": "not relevant"}),
    ("prompt_interaction", {"promptId": PROMPT, "action": "use"}),
]
"""(event type, payload); the first of each type has names, free text and ids of pupils."""

// Generated from the contracts. Undeclared fields are dropped.

/** One thing that happened in a session. */
export interface Envelope {
  /** Minted once, where the thing happened; with session_id, the event's identity. */
  id: string;
  /** When it happened. RFC 3339 with Z or an offset. */
  event_time: string;
  /** The session it belongs to; also the Kafka key. */
  session_id: string;
  /** Who owns the session. */
  teacher_id: string;
  /** Version of this contract. */
  schema_version?: number;
  /** The school of the session. */
  school_id?: string | null;
  /** Component and instance that emitted it, new at each process start. */
  source?: string | null;
  /** Dense from 1 per session and source. */
  sequence?: number | null;
  /** The request or socket message that caused it. */
  trace_id?: string | null;
}

/** The groups that the teacher planned. */
export interface GroupPlan {
  /** How many groups. */
  numberOfGroups?: number | null;
  /** How many pupils each is meant to have. */
  groupSize?: number | null;
  /** The roster. Stored: never. */
  groups?: Array<PlannedGroup> | null;
}

/** One group of the plan: read to count its members, never stored. */
export interface PlannedGroup {
  /** The group's leader, who may or may not be among its members. */
  leaderId?: string | null;
  /** The group's members. */
  memberIds?: Array<string> | null;
}

/** A session was set up with its groups. */
export interface Configured {
  /** When it happened, as the component saw it. RFC 3339 with Z or an offset. */
  timestamp?: string | null;
  /** The component that saw it. */
  source?: string | null;
  /** The plan as the teacher sent it. */
  groupPlan?: GroupPlan | null;
  /** How many groups there are. */
  groupCount?: number | null;
  /** Distinct pupils of each group, its leader included, in the plan's order. */
  groupSizes?: Array<number> | null;
  /** Distinct pupils over all groups. */
  memberCount?: number | null;
  /** Pupils expected. */
  totalStudents?: number | null;
  /** As groupPlan.numberOfGroups, from older producers. */
  numberOfGroups?: number | null;
  /** As groupPlan.groupSize, from older producers. */
  groupSize?: number | null;
  /** Pupils in groups, from older producers. */
  totalMembers?: number | null;
  /** Groups with a leader, from older producers. */
  leadersAssigned?: number | null;
  /** The session, repeated. */
  sessionId?: string | null;
  /** The session's status. */
  status?: string | null;
}

export interface ConfiguredEvent extends Envelope {
  event_type: "configured";
  payload: Configured;
}

/** The teacher started or resumed the session. */
export interface Started {
  /** When it happened, as the component saw it. RFC 3339 with Z or an offset. */
  timestamp?: string | null;
  /** The component that saw it. */
  source?: string | null;
  /** Groups whose leader was ready. */
  readyGroupsAtStart?: number | null;
  /** Whether some group was not ready. */
  startedWithoutReadyGroups?: boolean | null;
  /** Share of ready groups as the producer reckons it. */
  readinessRatio?: number | null;
  /** How many groups there are. */
  totalGroups?: number | null;
  /** How many pupils each is meant to have. */
  targetGroupSize?: number | null;
}

export interface StartedEvent extends Envelope {
  event_type: "started";
  payload: Started;
}

/** A group is ready. */
export interface LeaderReady {
  /** When it happened, as the component saw it. RFC 3339 with Z or an offset. */
  timestamp?: string | null;
  /** The component that saw it. */
  source?: string | null;
  /** The group. */
  groupId?: string | null;
  /** Its number in the session. */
  groupNumber?: number | null;
  /** Its leader. Stored: as a keyed pseudonym. */
  leaderId?: string | null;
}

export interface LeaderReadyEvent extends Envelope {
  event_type: "leader_ready";
  payload: LeaderReady;
}

/** A pupil joined a session or a group. */
export interface MemberJoin {
  /** When it happened, as the component saw it. RFC 3339 with Z or an offset. */
  timestamp?: string | null;
  /** The component that saw it. */
  source?: string | null;
  /** The session, repeated. */
  sessionId?: string | null;
  /** The group; absent for the session as a whole. */
  groupId?: string | null;
  /** The pupil, by roster. Stored: as a keyed pseudonym. */
  studentId?: string | null;
  /** The pupil, by socket. Stored: as a keyed pseudonym. */
  userId?: string | null;
  /** What they are in the session. */
  role?: string | null;
  /** Members of the group afterwards. */
  memberCount?: number | null;
}

export interface MemberJoinEvent extends Envelope {
  event_type: "member_join";
  payload: MemberJoin;
}

/** A pupil left a session or a group. */
export interface MemberLeave {
  /** When it happened, as the component saw it. RFC 3339 with Z or an offset. */
  timestamp?: string | null;
  /** The component that saw it. */
  source?: string | null;
  /** The session, repeated. */
  sessionId?: string | null;
  /** The group; absent for the session as a whole. */
  groupId?: string | null;
  /** The pupil, by roster. Stored: as a keyed pseudonym. */
  studentId?: string | null;
  /** The pupil, by socket. Stored: as a keyed pseudonym. */
  userId?: string | null;
  /** What they are in the session. */
  role?: string | null;
  /** Members of the group afterwards. */
  memberCount?: number | null;
  /** Why, in the transport's words. */
  reason?: string | null;
}

export interface MemberLeaveEvent extends Envelope {
  event_type: "member_leave";
  payload: MemberLeave;
}

/** The teacher ended the session. */
export interface Ended {
  /** When it happened, as the component saw it. RFC 3339 with Z or an offset. */
  timestamp?: string | null;
  /** The component that saw it. */
  source?: string | null;
  /** Why it ended. */
  reason?: "planned_completion" | "early_completion" | "time_constraint" | "technical_issue" | "student_behavior" | "other" | null;
  /** Since it started or, if it never did, since it was set up. */
  duration_seconds?: number | null;
}

export interface EndedEvent extends Envelope {
  event_type: "ended";
  payload: Ended;
}

/** A teacher acted on a guidance prompt. */
export interface PromptInteraction {
  /** When it happened, as the component saw it. RFC 3339 with Z or an offset. */
  timestamp?: string | null;
  /** The component that saw it. */
  source?: string | null;
  /** The prompt. */
  promptId?: string | null;
  /** What the teacher did with it. */
  action?: "acknowledge" | "use" | "dismiss" | "snooze" | "copy" | "save_exit_check" | null;
}

export interface PromptInteractionEvent extends Envelope {
  event_type: "prompt_interaction";
  payload: PromptInteraction;
}

export type SessionEvent = ConfiguredEvent | StartedEvent | LeaderReadyEvent | MemberJoinEvent | MemberLeaveEvent | EndedEvent | PromptInteractionEvent;
export type EventType = SessionEvent["event_type"];

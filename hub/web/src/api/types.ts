/** The hub's HTTP API version 1 as the page reads it; times are ISO 8601 UTC. */

export type Role = "administrator" | "dispatcher" | "viewer";

export interface Session {
  username: string;
  display_name: string;
  role: Role;
  area_prefix: string;
  must_change_password: boolean;
  csrf_token: string;
  expires_at: string;
  /** The site's IANA time zone; pages show its wall time, as the pictures do. */
  time_zone: string;
}

export const STAGES = ["found", "dispatched", "handled", "verified", "evaluated", "closed"] as const;
export type Stage = (typeof STAGES)[number];

export interface CaseSummary {
  case_no: string;
  item_key: string;
  item_code: string;
  item_zh: string;
  item_en: string;
  scheme: string;
  stage: Stage;
  level: number | null;
  score: number;
  grid_code: string | null;
  edge_id: string;
  camera_id: string;
  camera_name_zh: string;
  camera_name_en: string;
  zone_id: string;
  opened_at: string;
  updated_at: string;
  cleared_at: string | null;
  /** The box's clock was ahead: `opened_at` is when the hub heard of the case. */
  clock_ahead: boolean;
  version: number;
  cover_sha256: string | null;
}

/** The hub counts no further; this value means that there are more than one less. */
export const COUNT_CAP = 10_001;

export interface CasePage {
  /** By stage, under the same filter but for its stage, each at most COUNT_CAP; null on a page that a cursor asked for. */
  counts: Record<Stage, number> | null;
  items: CaseSummary[];
  next_cursor: string | null;
  /** At most COUNT_CAP; null on a page that a cursor asked for. */
  total: number | null;
  as_of: string;
}

export interface Measure {
  name: string;
  value: number;
  unit: string;
  threshold: number | null;
}

export type EvidenceRole = "t0" | "middle" | "t1" | "wide" | "now";

export interface Evidence {
  role: EvidenceRole;
  sha256: string;
  /** `shed` when the box had to let go of it for want of disk: it will never come. */
  state: "stored" | "pending" | "shed";
  taken_at: string;
  width: number;
  height: number;
}

export interface HistoryEntry {
  seq: number;
  at: string;
  action: string;
  actor: string;
  from_stage: Stage | null;
  to_stage: Stage;
  reason: string | null;
  note: string | null;
}

/** Normalised picture coordinates x1, y1, x2, y2 in 0..1. */
export type Box = [number, number, number, number];

export interface CaseDetail extends CaseSummary {
  uncertainty_m: number | null;
  measures: Measure[];
  box: Box | null;
  model: { name: string; version: string };
  config_version: number;
  limits: string[];
  evidence: Evidence[];
  history: HistoryEntry[];
}

export type CameraState = "connecting" | "live" | "stalled" | "backoff" | "auth_failed" | "offline";
export type EdgeState = "online" | "offline";

export interface Camera {
  edge_id: string;
  camera_id: string;
  name_zh: string;
  name_en: string;
  grid_code: string | null;
  state: CameraState;
  state_since: string;
  last_frame_at: string | null;
  fps: number | null;
  reason: string | null;
  snapshot: { sha256: string; taken_at: string; width: number; height: number } | null;
  edge_state: EdgeState;
}

export interface EdgeBox {
  edge_id: string;
  state: EdgeState;
  since: string;
  boot_id: string;
  software: string | null;
  last_seen_at: string;
  clock_offset_ms: number | null;
  outbox: { pending: number; sent: number; acked: number; shed: number } | null;
  cameras: number;
  /** Gaps in the numbers of its events: some may still be filled, the others are lost. */
  gaps: { open: number; lost: number };
}

/** A message of a box that the hub did not take, `times` times. */
export interface DeadLetter {
  id: string;
  received_at: string;
  topic: string;
  edge_id: string | null;
  reason: string;
  detail: string;
  /** The beginning of the payload. */
  payload_excerpt: string;
  /** Of the payload, in bytes. */
  size: number;
  times: number;
  /** Why it cannot be replayed: only its beginning was kept, or it is the state of a box. */
  obstacle: "not_whole" | "state" | null;
}

export interface DeadLetterDetail extends DeadLetter {
  payload: string;
}

/** What came of a replay; `known` when the box had sent the message again and it was taken then. */
export interface Replayed {
  result: "taken" | "known" | "refused";
  /** As it lies there now, when it was refused again. */
  letter: DeadLetter | null;
}

export interface ReplayedMany {
  taken: number;
  known: number;
  refused: number;
  /** Where the next round begins, or null when there is none. */
  next_after: string | null;
}

export interface DeadLetterPage {
  items: DeadLetter[];
  next_cursor: string | null;
  total: number;
  /** By reason, of the agent asked for or of all. */
  counts: Record<string, number>;
}

export interface Listing<T> {
  items: T[];
  as_of: string;
}

export interface CaseEvent {
  case_no: string;
  version: number;
  stage: Stage;
  item_key: string;
  change: "found" | "updated" | "cleared";
}

/** What subscribers of the feed hear; `resync` means that events may have been missed. */
export type FeedEvent =
  | { type: "resync" }
  | { type: "case"; data: CaseEvent }
  | { type: "camera"; data: { edge_id: string; camera_id: string; state: CameraState } }
  | { type: "edge"; data: { edge_id: string; state: EdgeState } };

/** The routes of the hub that the page uses, one function each. */
import { request } from "./client";
import type {
  Camera,
  CaseDetail,
  CasePage,
  DeadLetterDetail,
  DeadLetterPage,
  EdgeBox,
  Listing,
  Replayed,
  ReplayedMany,
  Session,
} from "./types";

const V1 = "/api/v1";
const part = encodeURIComponent;

export interface CaseQuery {
  stage: string;
  item: string;
  q: string;
}

export const FEED_URL = `${V1}/feed`;

export const getSession = () => request<Session>("GET", `${V1}/session`);
export const signIn = (username: string, password: string) =>
  request<Session>("POST", `${V1}/session`, { username, password });
export const signOut = () => request<void>("DELETE", `${V1}/session`);
export const changePassword = (current_password: string, new_password: string) =>
  request<Session>("PUT", `${V1}/session/password`, { current_password, new_password });

export function getCases(
  query: CaseQuery,
  limit: number,
  cursor?: string | null,
  signal?: AbortSignal,
): Promise<CasePage> {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  if (cursor) params.set("cursor", cursor);
  params.set("limit", String(limit));
  return request<CasePage>("GET", `${V1}/cases?${params}`, undefined, signal);
}

export const getCase = (caseNo: string) => request<CaseDetail>("GET", `${V1}/cases/${part(caseNo)}`);
export const evidenceUrl = (caseNo: string, sha256: string) => `${V1}/cases/${part(caseNo)}/evidence/${part(sha256)}`;

export const getCameras = () => request<Listing<Camera>>("GET", `${V1}/cameras`);
export const getEdges = () => request<Listing<EdgeBox>>("GET", `${V1}/edges`);

export interface LetterQuery {
  reason: string;
  edge_id: string;
}

const LETTERS = `${V1}/dead-letters`;

function filled(values: Record<string, string>): URLSearchParams {
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value));
}

export const getDeadLetters = (query: LetterQuery, limit: number, cursor: string | null) =>
  request<DeadLetterPage>("GET", `${LETTERS}?${filled({ ...query, limit: String(limit), cursor: cursor ?? "" })}`);
export const getDeadLetter = (id: string) => request<DeadLetterDetail>("GET", `${LETTERS}/${part(id)}`);
export const replayDeadLetter = (id: string) => request<Replayed>("POST", `${LETTERS}/${part(id)}/replay`);
/** One round of a replay of many; `after` is where the round before ended. */
export const replayDeadLetters = (query: LetterQuery, after: string | null) =>
  request<ReplayedMany>("POST", `${LETTERS}/replay?${filled({ ...query, after: after ?? "" })}`);
export const dismissDeadLetter = (id: string) => request<void>("DELETE", `${LETTERS}/${part(id)}`);

export const snapshotUrl = (camera: Camera, sha256: string) =>
  `${V1}/cameras/${part(camera.edge_id)}/${part(camera.camera_id)}/snapshot/${part(sha256)}`;

/** Pure rules of the camera page: which cameras match, and how many there are of each state. */
import type { Camera, CameraState } from "../api/types";

export const CAMERA_STATES: readonly CameraState[] = ["live", "connecting", "stalled", "backoff", "auth_failed", "offline"];

export interface CameraFilter {
  q: string;
  state: CameraState | "";
}

/** A box that is offline cannot vouch for the state it reported last. */
export function trueState(camera: Camera): CameraState {
  return camera.edge_state === "offline" ? "offline" : camera.state;
}

function hasWords(camera: Camera, words: string[]): boolean {
  const { name_zh, name_en, edge_id, camera_id, grid_code } = camera;
  const text = [name_zh, name_en, edge_id, camera_id, grid_code ?? ""].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The cameras that have every word of `q` in a name, an id or the grid code. */
export function searchCameras(cameras: Camera[], q: string): Camera[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return cameras.filter((camera) => hasWords(camera, words));
}

export function countStates(cameras: Camera[]): Map<CameraState, number> {
  const counts = new Map<CameraState, number>();
  for (const camera of cameras) counts.set(trueState(camera), (counts.get(trueState(camera)) ?? 0) + 1);
  return counts;
}

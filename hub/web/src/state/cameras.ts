/** Cameras and edge boxes while their page is open. */
import { signal } from "@preact/signals";
import { getCameras, getEdges } from "../api/calls";
import { ApiError } from "../api/client";
import type { Camera, EdgeBox } from "../api/types";
import { onFeed } from "./feed";
import { throttle } from "./throttle";

/** Snapshots change without a feed event, so the page also asks by itself. */
const POLL_MS = 10_000;
export const STALE_S = 30;

export const cameras = signal<Camera[] | null>(null);
export const edges = signal<EdgeBox[] | null>(null);
export const cameraFailure = signal<ApiError | null>(null);
export const edgeFailure = signal<ApiError | null>(null);

async function into<T>(
  target: { value: T[] | null },
  failure: { value: ApiError | null },
  fetched: Promise<{ items: T[] }>,
): Promise<void> {
  try {
    target.value = (await fetched).items;
    failure.value = null;
  } catch (caught) {
    if (!(caught instanceof ApiError)) throw caught;
    failure.value = caught;
  }
}

export async function loadCameras(): Promise<void> {
  await Promise.all([into(cameras, cameraFailure, getCameras()), into(edges, edgeFailure, getEdges())]);
}

export function followCameras(): () => void {
  const soon = throttle(() => void loadCameras(), 150, 1000);
  void loadCameras();
  const timer = setInterval(() => {
    if (!document.hidden) soon();
  }, POLL_MS);
  const off = onFeed((event) => {
    if (event.type !== "case") soon();
  });
  return () => {
    clearInterval(timer);
    soon.cancel();
    off();
  };
}

/** One case while its page is open. */
import { signal } from "@preact/signals";
import { getCase } from "../api/calls";
import { ApiError } from "../api/client";
import type { CaseDetail } from "../api/types";
import { onFeed } from "./feed";
import { throttle } from "./throttle";

/** A picture's arrival has no event of its own. */
const PENDING_POLL_MS = 5000;

export const detail = signal<CaseDetail | null>(null);
export const detailFailure = signal<ApiError | null>(null);

let current: string | null = null;

export async function loadCase(caseNo: string): Promise<void> {
  try {
    const fresh = await getCase(caseNo);
    if (current !== caseNo) return;
    detail.value = fresh;
    detailFailure.value = null;
  } catch (caught) {
    if (!(caught instanceof ApiError)) throw caught;
    if (current === caseNo) detailFailure.value = caught;
  }
}

export function followCase(caseNo: string): () => void {
  current = caseNo;
  detail.value = null;
  detailFailure.value = null;
  const soon = throttle(() => void loadCase(caseNo), 100, 500);
  void loadCase(caseNo);
  const timer = setInterval(() => {
    if (!document.hidden && detail.peek()?.evidence.some((picture) => picture.state === "pending")) soon();
  }, PENDING_POLL_MS);
  const off = onFeed((event) => {
    if (event.type === "resync" || (event.type === "case" && event.data.case_no === caseNo)) soon();
  });
  return () => {
    clearInterval(timer);
    soon.cancel();
    off();
  };
}

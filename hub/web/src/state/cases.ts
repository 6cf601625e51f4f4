/** The case list as the pages see it: filter, rows, counts, and how it keeps itself fresh. */
import { batch, computed, signal } from "@preact/signals";
import { type CaseQuery, getCase, getCases } from "../api/calls";
import { ApiError } from "../api/client";
import type { CaseSummary, FeedEvent, Stage } from "../api/types";
import * as rules from "./caseList";
import { hubNow } from "./clock";
import { onFeed } from "./feed";
import { throttle } from "./throttle";

const PAGE = 50;
/** A picture's arrival may be missed with the feed, so young cases without a cover are asked for again. */
const COVER_POLL_MS = 5000;
const COVER_WAIT_S = 600;

export const filter = signal<CaseQuery>({ stage: "", item: "", q: "" });
export const list = signal<rules.ListState>(rules.EMPTY);
export const phase = signal<"loading" | "ready">("loading");
export const loadingMore = signal(false);
export const total = signal(0);
export const stageCounts = signal<Record<Stage, number> | null>(null);
export const cursor = signal<string | null>(null);
export const asOf = signal<string | null>(null);
export const failure = signal<ApiError | null>(null);
export const selected = signal<string | null>(null);
/** Set by the page while its scroller is away from the top. */
export const scrolled = signal(false);
export const filtered = computed(() => Object.values(filter.value).some(Boolean));

/** The address of the list under a filter. */
export function listPath(query: CaseQuery): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  const text = params.toString();
  return text ? `/cases?${text}` : "/cases";
}

let running: AbortController | null = null;
const touched = new Set<string>();

function fail(caught: unknown): void {
  if (!(caught instanceof ApiError)) throw caught;
  if (caught.code !== "aborted") failure.value = caught;
}

async function fetchTop(take: (page: CaseSummary[], complete: boolean) => rules.ListState): Promise<void> {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  try {
    const query = filter.peek();
    const page = await getCases(query, PAGE, null, mine.signal);
    if (running !== mine) return;
    batch(() => {
      const before = list.peek().rows.length;
      list.value = take(page.items, page.next_cursor === null);
      if (before <= PAGE || page.next_cursor === null) cursor.value = page.next_cursor;
      total.value = page.total;
      stageCounts.value = page.counts;
      asOf.value = page.as_of;
      failure.value = null;
      phase.value = "ready";
    });
  } catch (caught) {
    fail(caught);
  }
}

/** Loads from scratch, after a new filter or by request. */
export function load(): Promise<void> {
  phase.value = "loading";
  failure.value = null;
  return fetchTop((page) => ({ rows: page, waiting: [] }));
}

/** Brings what is shown up to date without moving it under the user. */
async function refresh(): Promise<void> {
  const named = new Set(touched);
  touched.clear();
  await fetchTop((page, complete) => {
    for (const row of page) named.delete(row.case_no);
    const calm = !scrolled.peek() && selected.peek() === null;
    return rules.mergeFresh(list.peek(), page, complete, calm);
  });
  const shown = list.peek().rows.filter((row) => named.has(row.case_no));
  await Promise.all(shown.map((row) => refreshOne(row.case_no)));
}

async function refreshOne(caseNo: string): Promise<void> {
  try {
    list.value = rules.updateRow(list.peek(), await getCase(caseNo));
  } catch (caught) {
    fail(caught);
  }
}

export async function loadMore(): Promise<void> {
  const from = cursor.peek();
  if (!from || loadingMore.peek()) return;
  loadingMore.value = true;
  const query = filter.peek();
  try {
    const page = await getCases(query, PAGE, from);
    if (query !== filter.peek()) return;
    batch(() => {
      list.value = rules.appendOlder(list.peek(), page.items);
      cursor.value = page.next_cursor;
      total.value = page.total;
    });
  } catch (caught) {
    fail(caught);
  } finally {
    loadingMore.value = false;
  }
}

export function showWaiting(): void {
  list.value = rules.applyWaiting(list.peek());
}

export function setFilter(next: CaseQuery): void {
  const before = filter.peek();
  if (before.stage === next.stage && before.item === next.item && before.q === next.q) return;
  batch(() => {
    filter.value = next;
    selected.value = null;
    scrolled.value = false;
  });
  void load();
}

/** Follows the feed from sign-in to sign-out; in a storm it asks at most every two seconds. */
export function followCases(): () => void {
  list.value = rules.EMPTY;
  selected.value = null;
  const soon = throttle(() => void refresh(), 150, 2000);
  void load();
  const off = onFeed((event: FeedEvent) => {
    if (event.type === "case") touched.add(event.data.case_no);
    else if (event.type === "resync") for (const row of list.peek().rows) touched.add(row.case_no);
    else return;
    soon();
  });
  const timer = setInterval(() => {
    if (!document.hidden && rules.awaitsCover(list.peek().rows, hubNow(), COVER_WAIT_S)) soon();
  }, COVER_POLL_MS);
  return () => {
    clearInterval(timer);
    off();
    soon.cancel();
    running?.abort();
  };
}

/** The case list as the pages see it: filter, rows, counts, and how it keeps itself fresh. */
import { batch, computed, signal } from "@preact/signals";
import { type CaseQuery, getCase, getCases } from "../api/calls";
import { ApiError } from "../api/client";
import type { CasePage, FeedEvent, Stage } from "../api/types";
import * as rules from "./caseList";
import { hubNow } from "./clock";
import { onFeed } from "./feed";
import { News, type Taken } from "./news";
import { throttle } from "./throttle";

const PAGE = 50;
/** More changed rows than this are not asked for one by one. */
const NAMED_MAX = 20;
/** Asks again for what failed, and for young cases without a cover: a picture's arrival may be missed with the feed. */
const POLL_MS = 5000;
const COVER_WAIT_S = 600;

export const filter = signal<CaseQuery>({ stage: "", item: "", q: "" });
export const list = signal<rules.ListState>(rules.EMPTY);
/** `loading` until the rows are those of the filter. */
export const phase = signal<"loading" | "ready">("loading");
export const loadingMore = signal(false);
/** Cases that match, counted by the hub up to 10,001. */
export const total = signal(0);
export const stageCounts = signal<Record<Stage, number> | null>(null);
export const cursor = signal<string | null>(null);
export const asOf = signal<string | null>(null);
export const failure = signal<ApiError | null>(null);
export const selected = signal<string | null>(null);
/** Set by the page while its scroller is away from the top. */
export const scrolled = signal(false);
export const filtered = computed(() => Object.values(filter.value).some(Boolean));
export const canLoadMore = computed(() => cursor.value !== null && list.value.rows.length < rules.MAX_ROWS);

/** The address of the list under a filter. */
export function listPath(query: CaseQuery): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  const text = params.toString();
  return text ? `/cases?${text}` : "/cases";
}

let running: AbortController | null = null;
const news = new News();
const soon = throttle(() => void refresh(), 150, 2000);

function fail(caught: unknown): void {
  if (!(caught instanceof ApiError)) throw caught;
  if (caught.code !== "aborted") failure.value = caught;
}

/** Fetches the newest cases; null when that failed or another fetch took its place. */
async function fetchTop(take: (page: CasePage) => void): Promise<CasePage | null> {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  try {
    const page = await getCases(filter.peek(), PAGE, null, mine.signal);
    if (running !== mine) return null;
    batch(() => {
      take(page);
      if (page.total !== null) total.value = page.total;
      if (page.counts !== null) stageCounts.value = page.counts;
      asOf.value = page.as_of;
      failure.value = null;
      phase.value = "ready";
    });
    if (!news.isEmpty()) soon();
    return page;
  } catch (caught) {
    fail(caught);
    return null;
  } finally {
    if (running === mine) running = null;
  }
}

/** Loads from scratch, after a new filter or by request. */
export async function load(): Promise<void> {
  phase.value = "loading";
  failure.value = null;
  await fetchTop((page) => {
    list.value = rules.firstPage(page.items);
    cursor.value = page.next_cursor;
    if (!page.items.some((row) => row.case_no === selected.peek())) selected.value = null;
  });
}

/** Brings what is shown up to date without moving it under the user. */
async function refresh(): Promise<void> {
  if (running) return;
  if (phase.peek() === "loading") return load();
  const taken = news.take();
  const page = await fetchTop((fresh) => merge(fresh, taken.missed));
  if (page) await refreshNamed(taken, page);
  else news.giveBack(taken);
}

function merge(page: CasePage, missed: boolean): void {
  const calm = !scrolled.peek() && selected.peek() === null;
  const how = { complete: page.next_cursor === null, calm, missed };
  const before = list.peek();
  if (how.complete || rules.replaces(before, page.items, how)) cursor.value = page.next_cursor;
  list.value = rules.mergeFresh(before, page.items, how);
}

/** Rows outside the fresh page that events named, and the selected one when events were missed. */
async function refreshNamed({ named, missed }: Taken, page: CasePage): Promise<void> {
  const current = selected.peek();
  if (missed && current) named.add(current);
  for (const row of page.items) named.delete(row.case_no);
  const shown = list.peek().rows.map((row) => row.case_no).filter((caseNo) => named.has(caseNo));
  if (shown.length > NAMED_MAX) list.value = rules.doubt(list.peek(), shown);
  else await Promise.all(shown.map(refreshOne));
}

async function refreshOne(caseNo: string): Promise<void> {
  try {
    list.value = rules.updateRow(list.peek(), await getCase(caseNo));
  } catch (caught) {
    if (caught instanceof ApiError && caught.status === 404) return drop(caseNo);
    news.touch(caseNo);
    fail(caught);
  }
}

function drop(caseNo: string): void {
  batch(() => {
    list.value = rules.removeRow(list.peek(), caseNo);
    if (selected.peek() === caseNo) selected.value = null;
  });
}

export async function loadMore(): Promise<void> {
  const from = cursor.peek();
  if (!from || !canLoadMore.peek() || loadingMore.peek() || phase.peek() === "loading") return;
  loadingMore.value = true;
  try {
    const page = await getCases(filter.peek(), PAGE, from);
    if (cursor.peek() !== from) return;
    batch(() => {
      list.value = rules.appendOlder(list.peek(), page.items);
      cursor.value = page.next_cursor;
    });
  } catch (caught) {
    fail(caught);
  } finally {
    loadingMore.value = false;
  }
}

/** Brings the list up to date at the user's word: the waiting rows alone, or everything when they are not enough. */
export function showWaiting(): void {
  if (rules.needsReload(list.peek())) void load();
  else list.value = rules.applyWaiting(list.peek());
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
  news.clear();
  void load();
  const off = onFeed((event: FeedEvent) => {
    if (event.type === "case") news.touch(event.data.case_no);
    else if (event.type === "resync") news.miss();
    else return;
    soon();
  });
  const timer = setInterval(() => {
    const waits = rules.awaitsCover(list.peek().rows, hubNow(), COVER_WAIT_S);
    if (!document.hidden && (waits || !news.isEmpty())) soon();
  }, POLL_MS);
  return () => {
    clearInterval(timer);
    off();
    soon.cancel();
    running?.abort();
  };
}

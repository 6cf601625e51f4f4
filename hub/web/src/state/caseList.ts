/** Pure rules of the case list: what a fresh page does to the rows on the screen. */
import type { CaseSummary } from "../api/types";

export interface ListState {
  /** What is on the screen, newest first. */
  rows: CaseSummary[];
  /** What arrived while the user was busy; the pill counts these. */
  waiting: CaseSummary[];
  /** More arrived than are waiting: between them and the rows others are missing. */
  gap: boolean;
  /** Case numbers of rows that may have changed unseen. */
  doubtful: ReadonlySet<string>;
}

export interface Freshness {
  /** The page holds every case that matches. */
  complete: boolean;
  /** Nothing is under the user's eye or cursor, so rows may move. */
  calm: boolean;
  /** Events were missed: rows outside the page may have changed unseen. */
  missed: boolean;
}

/** Beyond this many rows the list loads no more; a filter finds what is older. */
export const MAX_ROWS = 1000;

export const firstPage = (rows: CaseSummary[]): ListState => ({ rows, waiting: [], gap: false, doubtful: new Set() });
export const EMPTY: ListState = firstPage([]);

/** Newest first, ties by case number, as the hub sorts. */
export function byNewest(a: CaseSummary, b: CaseSummary): number {
  const byTime = Date.parse(b.opened_at) - Date.parse(a.opened_at);
  if (byTime !== 0) return byTime;
  return a.case_no < b.case_no ? 1 : a.case_no > b.case_no ? -1 : 0;
}

function newer(known: CaseSummary | undefined, fresh: CaseSummary): CaseSummary {
  return known && known.version > fresh.version ? known : fresh;
}

function indexed(rows: CaseSummary[]): Map<string, CaseSummary> {
  return new Map(rows.map((row) => [row.case_no, row]));
}

function without(numbers: ReadonlySet<string>, gone: Iterable<string>): ReadonlySet<string> {
  const left = new Set(numbers);
  for (const caseNo of gone) left.delete(caseNo);
  return left;
}

/** Whether the page, being only a part of all, has a row of the list; otherwise cases between the two are unknown. */
function adjoins(rows: CaseSummary[], page: CaseSummary[]): boolean {
  const shown = indexed(rows);
  return page.some((row) => shown.has(row.case_no));
}

/** Whether the page becomes the list, so that loading more goes on after the page. */
export function replaces(state: ListState, page: CaseSummary[], { complete, calm, missed }: Freshness): boolean {
  if (state.rows.length === 0) return true;
  if (!calm) return false;
  const tooMany = state.rows.length + page.length > MAX_ROWS;
  return complete || missed || tooMany || state.doubtful.size > 0 || !adjoins(state.rows, page);
}

/** Merges the newest rows of the hub into the list; rows move only when calm, otherwise they change where they are. */
export function mergeFresh(state: ListState, page: CaseSummary[], how: Freshness): ListState {
  const known = indexed([...state.rows, ...state.waiting]);
  const fresh = page.map((row) => newer(known.get(row.case_no), row));
  if (replaces(state, page, how)) return firstPage(fresh);
  return how.calm ? putOnTop(state, fresh) : changeInPlace(state, fresh, how);
}

function putOnTop(state: ListState, fresh: CaseSummary[]): ListState {
  const inPage = indexed(fresh);
  const last = fresh.at(-1);
  const isOlder = (row: CaseSummary) => !inPage.has(row.case_no) && last !== undefined && byNewest(last, row) < 0;
  return firstPage([...fresh, ...state.rows.filter(isOlder)]);
}

function changeInPlace(state: ListState, fresh: CaseSummary[], { complete, missed }: Freshness): ListState {
  const inPage = indexed(fresh);
  const shown = indexed(state.rows);
  const last = state.rows.at(-1);
  const isNew = (row: CaseSummary) => !shown.has(row.case_no) && (complete || !last || byNewest(row, last) < 0);
  const doubted = missed ? shown.keys() : [];
  return {
    rows: state.rows.map((row) => inPage.get(row.case_no) ?? row),
    waiting: fresh.filter(isNew),
    gap: !complete && !adjoins(state.rows, fresh),
    doubtful: without(new Set([...state.doubtful, ...doubted]), inPage.keys()),
  };
}

/** Appends the next page of the hub. */
export function appendOlder(state: ListState, page: CaseSummary[]): ListState {
  const shown = indexed([...state.rows, ...state.waiting]);
  return { ...state, rows: [...state.rows, ...page.filter((row) => !shown.has(row.case_no))] };
}

/** Replaces one row where it stands. */
export function updateRow(state: ListState, fresh: CaseSummary): ListState {
  const swap = (row: CaseSummary) => (row.case_no === fresh.case_no ? newer(row, fresh) : row);
  const doubtful = without(state.doubtful, [fresh.case_no]);
  return { ...state, rows: state.rows.map(swap), waiting: state.waiting.map(swap), doubtful };
}

/** Takes out a case that the hub no longer shows. */
export function removeRow(state: ListState, caseNo: string): ListState {
  const stays = (row: CaseSummary) => row.case_no !== caseNo;
  const doubtful = without(state.doubtful, [caseNo]);
  return { ...state, rows: state.rows.filter(stays), waiting: state.waiting.filter(stays), doubtful };
}

/** Marks rows that changed and are not asked for. */
export function doubt(state: ListState, numbers: string[]): ListState {
  return { ...state, doubtful: new Set([...state.doubtful, ...numbers]) };
}

/** Whether the waiting rows alone do not bring the list up to date. */
export function needsReload(state: ListState): boolean {
  return state.gap || state.doubtful.size > 0 || state.rows.length + state.waiting.length > MAX_ROWS;
}

/** Lets the waiting rows in. */
export function applyWaiting(state: ListState): ListState {
  return { ...state, rows: [...state.waiting, ...state.rows].sort(byNewest), waiting: [] };
}

/** Whether a case younger than `withinS` still has no picture to show. */
export function awaitsCover(rows: CaseSummary[], nowMs: number, withinS: number): boolean {
  return rows.some((row) => row.cover_sha256 === null && nowMs - Date.parse(row.opened_at) < withinS * 1000);
}

/** The case `step` rows away from `from`, kept inside the list; without a selection the first row. */
export function neighbour(rows: CaseSummary[], from: string | null, step: number): string | null {
  const index = rows.findIndex((row) => row.case_no === from);
  const next = index < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, index + step));
  return rows[next]?.case_no ?? null;
}

/** Pure rules of the case list: what a fresh page does to the rows on the screen. */
import type { CaseSummary } from "../api/types";

export interface ListState {
  /** What is on the screen, newest first. */
  rows: CaseSummary[];
  /** What arrived while the user was busy; the pill counts these. */
  waiting: CaseSummary[];
}

export const EMPTY: ListState = { rows: [], waiting: [] };

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

/**
 * Merges the newest rows of the hub into the list. `calm` means that nothing may be under the user's eye or cursor:
 * then the list becomes what the hub has; otherwise rows are only updated in place and new ones wait.
 */
export function mergeFresh(state: ListState, page: CaseSummary[], complete: boolean, calm: boolean): ListState {
  const known = indexed([...state.rows, ...state.waiting]);
  const fresh = page.map((row) => newer(known.get(row.case_no), row));
  if (calm || state.rows.length === 0) {
    const last = fresh.at(-1);
    const inPage = indexed(fresh);
    const older = complete || !last ? [] : state.rows.filter((row) => byNewest(last, row) < 0);
    return { rows: [...fresh, ...older.filter((row) => !inPage.has(row.case_no))], waiting: [] };
  }
  const byNo = indexed(fresh);
  const shown = indexed(state.rows);
  const last = state.rows.at(-1);
  const isNew = (row: CaseSummary) => !shown.has(row.case_no) && (complete || !last || byNewest(row, last) < 0);
  return { rows: state.rows.map((row) => byNo.get(row.case_no) ?? row), waiting: fresh.filter(isNew) };
}

/** Appends the next page of the hub. */
export function appendOlder(state: ListState, page: CaseSummary[]): ListState {
  const shown = indexed([...state.rows, ...state.waiting]);
  return { ...state, rows: [...state.rows, ...page.filter((row) => !shown.has(row.case_no))] };
}

/** Replaces one row where it stands. */
export function updateRow(state: ListState, fresh: CaseSummary): ListState {
  const swap = (row: CaseSummary) => (row.case_no === fresh.case_no ? newer(row, fresh) : row);
  return { rows: state.rows.map(swap), waiting: state.waiting.map(swap) };
}

/** Lets the waiting rows in. */
export function applyWaiting(state: ListState): ListState {
  return { rows: [...state.waiting, ...state.rows].sort(byNewest), waiting: [] };
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

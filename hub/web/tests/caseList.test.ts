import { expect, test } from "vitest";
import type { CaseSummary } from "../src/api/types";
import { appendOlder, applyWaiting, awaitsCover, EMPTY, mergeFresh, neighbour, updateRow } from "../src/state/caseList";

/** A case opened at second `n`; larger is newer. */
function row(n: number, change: Partial<CaseSummary> = {}): CaseSummary {
  const opened_at = new Date(Date.UTC(2026, 10, 24, 6, 0, n)).toISOString();
  const base = { case_no: `C${n}`, stage: "found", version: 1, opened_at };
  return { ...base, ...change } as CaseSummary;
}

const numbers = (rows: CaseSummary[]) => rows.map((each) => each.case_no);
const shown = { rows: [row(3), row(2), row(1)], waiting: [] };

test("a calm list becomes what the hub has", () => {
  const next = mergeFresh(shown, [row(5), row(3), row(1)], true, true);
  expect(numbers(next.rows)).toEqual(["C5", "C3", "C1"]);
  expect(next.waiting).toEqual([]);
});

test("under the user's eye no row moves: new ones wait, known ones change in place", () => {
  const next = mergeFresh(shown, [row(5), row(4), row(3), row(2, { version: 2, stage: "handled" }), row(1)], true, false);
  expect(numbers(next.rows)).toEqual(["C3", "C2", "C1"]);
  expect(next.rows[1]?.stage).toBe("handled");
  expect(numbers(next.waiting)).toEqual(["C5", "C4"]);
});

test("the pill lets the waiting rows in at their places", () => {
  const next = applyWaiting({ rows: shown.rows, waiting: [row(5), row(4)] });
  expect(numbers(next.rows)).toEqual(["C5", "C4", "C3", "C2", "C1"]);
  expect(next.waiting).toEqual([]);
});

test("rows already waiting are not counted twice", () => {
  const once = mergeFresh(shown, [row(4), ...shown.rows], true, false);
  const twice = mergeFresh(once, [row(5), row(4), ...shown.rows], true, false);
  expect(numbers(twice.waiting)).toEqual(["C5", "C4"]);
});

test("older rows that were loaded stay behind a fresh first page", () => {
  const next = mergeFresh(shown, [row(4), row(3)], false, true);
  expect(numbers(next.rows)).toEqual(["C4", "C3", "C2", "C1"]);
});

test("a row that slides in from beyond the loaded part is old, not new", () => {
  const next = mergeFresh({ rows: [row(3), row(2)], waiting: [] }, [row(3), row(1)], false, false);
  expect(next.waiting).toEqual([]);
});

test("an empty list takes the page even when the user is busy", () => {
  expect(numbers(mergeFresh(EMPTY, [row(1)], true, false).rows)).toEqual(["C1"]);
});

test("an answer that comes late never turns a row back", () => {
  const state = { rows: [row(1, { version: 3, stage: "verified" })], waiting: [] };
  expect(mergeFresh(state, [row(1, { version: 2 })], true, true).rows[0]?.stage).toBe("verified");
  expect(updateRow(state, row(1, { version: 2 })).rows[0]?.stage).toBe("verified");
});

test("times with and without fractions sort by time", () => {
  const exact = row(0, { case_no: "A", opened_at: "2026-11-24T06:00:00Z" });
  const later = row(0, { case_no: "B", opened_at: "2026-11-24T06:00:00.500Z" });
  expect(numbers(applyWaiting({ rows: [exact], waiting: [later] }).rows)).toEqual(["B", "A"]);
});

test("the next page is appended without repeats", () => {
  expect(numbers(appendOlder(shown, [row(1), row(0)]).rows)).toEqual(["C3", "C2", "C1", "C0"]);
});

test("J and K stay inside the list and start at its top", () => {
  expect(neighbour(shown.rows, null, 1)).toBe("C3");
  expect(neighbour(shown.rows, "C3", 1)).toBe("C2");
  expect(neighbour(shown.rows, "C3", -1)).toBe("C3");
  expect(neighbour(shown.rows, "C1", 1)).toBe("C1");
  expect(neighbour([], null, 1)).toBe(null);
});

test("only young cases are waited for when their picture is missing", () => {
  const opened = Date.parse(row(0).opened_at);
  expect(awaitsCover([row(0, { cover_sha256: null })], opened + 599_000, 600)).toBe(true);
  expect(awaitsCover([row(0, { cover_sha256: null })], opened + 600_000, 600)).toBe(false);
  expect(awaitsCover([row(0, { cover_sha256: "a" })], opened, 600)).toBe(false);
});

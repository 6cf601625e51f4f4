import { expect, test } from "vitest";
import type { CaseSummary } from "../src/api/types";
import * as rules from "../src/state/caseList";

/** A case opened at second `n`; larger is newer. */
function row(n: number, change: Partial<CaseSummary> = {}): CaseSummary {
  const opened_at = new Date(Date.UTC(2026, 10, 24, 6, 0, n)).toISOString();
  return { case_no: `C${n}`, stage: "found", version: 1, opened_at, ...change } as CaseSummary;
}

/** Cases `from` down to `to`. */
const span = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => row(from - index));
const numbers = (rows: CaseSummary[]) => rows.map((each) => each.case_no);
const shown = rules.firstPage([row(3), row(2), row(1)]);
const calm = { complete: true, calm: true, missed: false };
const busy = { complete: true, calm: false, missed: false };

test("a calm list becomes what the hub has", () => {
  const next = rules.mergeFresh(shown, [row(5), row(3), row(1)], calm);
  expect(numbers(next.rows)).toEqual(["C5", "C3", "C1"]);
  expect(next.waiting).toEqual([]);
});

test("under the user's eye no row moves: new ones wait, known ones change in place", () => {
  const page = [row(5), row(4), row(3), row(2, { version: 2, stage: "handled" }), row(1)];
  const next = rules.mergeFresh(shown, page, busy);
  expect(numbers(next.rows)).toEqual(["C3", "C2", "C1"]);
  expect(next.rows[1]?.stage).toBe("handled");
  expect(numbers(next.waiting)).toEqual(["C5", "C4"]);
  expect(next.gap).toBe(false);
});

test("the pill lets the waiting rows in at their places", () => {
  const next = rules.applyWaiting({ ...shown, waiting: [row(5), row(4)] });
  expect(numbers(next.rows)).toEqual(["C5", "C4", "C3", "C2", "C1"]);
  expect(next.waiting).toEqual([]);
});

test("rows already waiting are not counted twice", () => {
  const once = rules.mergeFresh(shown, [row(4), ...shown.rows], busy);
  const twice = rules.mergeFresh(once, [row(5), row(4), ...shown.rows], busy);
  expect(numbers(twice.waiting)).toEqual(["C5", "C4"]);
});

test("older rows that were loaded stay behind a fresh first page", () => {
  const page = [row(4), row(3)];
  const how = { ...calm, complete: false };
  expect(numbers(rules.mergeFresh(shown, page, how).rows)).toEqual(["C4", "C3", "C2", "C1"]);
  expect(rules.replaces(shown, page, how)).toBe(false);
});

test("after a gap of more than a page a calm list starts anew, with the page's cursor", () => {
  const old = rules.firstPage(span(100, 1));
  const page = span(300, 251);
  const how = { ...calm, complete: false };
  expect(numbers(rules.mergeFresh(old, page, how).rows)).toEqual(numbers(page));
  expect(rules.replaces(old, page, how)).toBe(true);
});

test("after a gap of more than a page a busy list says so, keeps its rows and its cursor, and is loaded anew by the pill", () => {
  const old = rules.firstPage(span(100, 1));
  const page = span(300, 251);
  const how = { ...busy, complete: false };
  const next = rules.mergeFresh(old, page, how);
  expect(numbers(next.rows)).toEqual(numbers(old.rows));
  expect(next.waiting).toHaveLength(50);
  expect(next.gap).toBe(true);
  expect(rules.replaces(old, page, how)).toBe(false);
  expect(rules.needsReload(next)).toBe(true);
});

test("a page that joins the list leaves no gap", () => {
  const old = rules.firstPage(span(100, 1));
  const next = rules.mergeFresh(old, span(149, 100), { ...busy, complete: false });
  expect(next.waiting).toHaveLength(49);
  expect(next.gap).toBe(false);
  expect(rules.needsReload(next)).toBe(false);
});

test("after missed events a calm list drops what the page does not vouch for", () => {
  const next = rules.mergeFresh(shown, [row(4), row(3)], { complete: false, calm: true, missed: true });
  expect(numbers(next.rows)).toEqual(["C4", "C3"]);
});

test("after missed events a busy list marks its other rows until they are heard of", () => {
  const next = rules.mergeFresh(shown, [row(4), row(3)], { complete: false, calm: false, missed: true });
  expect(numbers(next.rows)).toEqual(["C3", "C2", "C1"]);
  expect([...next.doubtful]).toEqual(["C2", "C1"]);
  expect(rules.needsReload(next)).toBe(true);
  const heard = rules.updateRow(next, row(2));
  expect([...heard.doubtful]).toEqual(["C1"]);
  const left = rules.mergeFresh(heard, [row(4), row(3)], { complete: false, calm: true, missed: false });
  expect(numbers(left.rows)).toEqual(["C4", "C3"]);
});

test("the list does not grow beyond its limit", () => {
  const full = rules.firstPage(span(rules.MAX_ROWS, 1));
  const page = span(rules.MAX_ROWS + 1, rules.MAX_ROWS - 48);
  expect(rules.mergeFresh(full, page, { ...calm, complete: false }).rows).toHaveLength(50);
  expect(rules.needsReload({ ...full, waiting: [row(2000)] })).toBe(true);
});

test("a row that slides in from beyond the loaded part is old, not new", () => {
  const part = rules.firstPage([row(3), row(2)]);
  expect(rules.mergeFresh(part, [row(3), row(1)], { ...busy, complete: false }).waiting).toEqual([]);
});

test("an empty list takes the page even when the user is busy", () => {
  expect(numbers(rules.mergeFresh(rules.EMPTY, [row(1)], busy).rows)).toEqual(["C1"]);
});

test("an answer that comes late never turns a row back", () => {
  const state = rules.firstPage([row(1, { version: 3, stage: "verified" })]);
  expect(rules.mergeFresh(state, [row(1, { version: 2 })], calm).rows[0]?.stage).toBe("verified");
  expect(rules.updateRow(state, row(1, { version: 2 })).rows[0]?.stage).toBe("verified");
});

test("a case that the hub no longer shows leaves the list", () => {
  const next = rules.removeRow({ ...shown, waiting: [row(4)], doubtful: new Set(["C2"]) }, "C2");
  expect(numbers(next.rows)).toEqual(["C3", "C1"]);
  expect(numbers(next.waiting)).toEqual(["C4"]);
  expect(next.doubtful.size).toBe(0);
});

test("times with and without fractions sort by time", () => {
  const exact = row(0, { case_no: "A", opened_at: "2026-11-24T06:00:00Z" });
  const later = row(0, { case_no: "B", opened_at: "2026-11-24T06:00:00.500Z" });
  expect(numbers(rules.applyWaiting({ ...rules.firstPage([exact]), waiting: [later] }).rows)).toEqual(["B", "A"]);
});

test("the next page is appended without repeats", () => {
  expect(numbers(rules.appendOlder(shown, [row(1), row(0)]).rows)).toEqual(["C3", "C2", "C1", "C0"]);
});

test("J and K stay inside the list and start at its top", () => {
  expect(rules.neighbour(shown.rows, null, 1)).toBe("C3");
  expect(rules.neighbour(shown.rows, "C3", 1)).toBe("C2");
  expect(rules.neighbour(shown.rows, "C3", -1)).toBe("C3");
  expect(rules.neighbour(shown.rows, "C1", 1)).toBe("C1");
  expect(rules.neighbour([], null, 1)).toBe(null);
});

test("only young cases are waited for when their picture is missing", () => {
  const opened = Date.parse(row(0).opened_at);
  expect(rules.awaitsCover([row(0, { cover_sha256: null })], opened + 599_000, 600)).toBe(true);
  expect(rules.awaitsCover([row(0, { cover_sha256: null })], opened + 600_000, 600)).toBe(false);
  expect(rules.awaitsCover([row(0, { cover_sha256: "a" })], opened, 600)).toBe(false);
});

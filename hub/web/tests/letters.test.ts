import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DeadLetter } from "../src/api/types";
import { fateWords } from "../src/pages/letters/LetterRow";
import * as state from "../src/state/deadLetters";
import { letterAt, readable, reasonChoices, replaceLetter } from "../src/state/letterRules";
import { lang } from "../src/state/prefs";

const letter = (id: string, change: Partial<DeadLetter> = {}) =>
  ({ id, reason: "unknown_edge", edge_id: "box-1", times: 1, obstacle: null, ...change }) as DeadLetter;
const ids = (items: DeadLetter[]) => items.map((each) => each.id);

/** What the hub answers, by the beginning of "METHOD path"; the requests in their order. */
let answers: [string, number, unknown][] = [];
let requests: string[] = [];

function respond(path: string, init: RequestInit): Promise<Response> {
  const asked = `${init.method} ${path.replace("/api/v1/dead-letters", "")}`;
  requests.push(asked);
  const index = answers.findIndex(([start]) => asked.startsWith(start));
  const found = answers[index];
  if (!found) return Promise.reject(new TypeError(`nothing answers ${asked}`));
  answers.splice(index, 1);
  return Promise.resolve(new Response(JSON.stringify(found[2]), { status: found[1] }));
}

const page = (items: DeadLetter[]): [string, number, unknown] => ["GET ?", 200, { items, next_cursor: null, total: items.length, counts: {} }];

beforeEach(async () => {
  requests = [];
  vi.stubGlobal("fetch", respond);
  answers = [page([letter("b"), letter("a")])];
  state.dropLetters();
  await state.loadLetters();
});
afterEach(() => vi.unstubAllGlobals());

test("a letter that was taken stays in its place and says so, and is not asked for again", async () => {
  answers = [["POST /b/replay", 200, { result: "taken", letter: null }]];
  await state.replayLetter("b");
  expect(ids(state.letters.value?.items ?? [])).toEqual(["b", "a"]);
  expect(state.fates.value.get("b")).toBe("taken");
  await state.replayLetter("b");
  await state.dismissLetter("b");
  expect(requests.filter((asked) => !asked.startsWith("GET"))).toEqual(["POST /b/replay"]);
});

test("a letter that was refused again shows its newer reason and can be replayed again", async () => {
  answers = [["POST /b/replay", 200, { result: "refused", letter: letter("b", { reason: "conflict", times: 2 }) }]];
  await state.replayLetter("b");
  expect(state.letters.value?.items[0]).toMatchObject({ reason: "conflict", times: 2 });
  expect(state.isOpen("b")).toBe(true);
  lang.value = "zh";
  expect(fateWords("refused", letter("b", { reason: "conflict" }))).toBe("再次拒收：同一编号内容不同");
});

test("a letter that somebody else replayed is said to be gone, and a failure leaves it as it was", async () => {
  answers = [
    ["POST /b/replay", 404, { code: "letter_not_found", detail: "" }],
    ["POST /a/replay", 503, { code: "database_unavailable", detail: "" }],
  ];
  await state.replayLetter("b");
  expect([state.fates.value.get("b"), state.deedFailure.value]).toEqual(["gone", null]);
  await state.replayLetter("a");
  expect(state.fates.value.has("a")).toBe(false);
  expect(state.deedFailure.value).toMatchObject({ id: "a", error: { code: "database_unavailable" } });
});

test("what cannot be replayed is not tried", async () => {
  answers = [page([letter("b", { obstacle: "state" })])];
  await state.loadLetters();
  await state.replayLetter("b");
  expect(requests.filter((asked) => asked.startsWith("POST"))).toEqual([]);
});

test("a replay of many goes round by round under its filter, adds up, and loads the list anew", async () => {
  answers = [page([letter("b")])];
  state.filterLetters({ reason: "unknown_edge", edge_id: "" });
  await vi.waitFor(() => expect(state.letters.value).not.toBe(null));
  answers = [
    ["POST /replay?reason=unknown_edge&after=", 200, { taken: 20, known: 0, refused: 1, next_after: null }],
    ["POST /replay?reason=unknown_edge", 200, { taken: 99, known: 1, refused: 0, next_after: "m" }],
    page([]),
  ];
  requests = [];
  await state.replayAll();
  expect(requests).toEqual([
    "POST /replay?reason=unknown_edge",
    "POST /replay?reason=unknown_edge&after=m",
    "GET ?reason=unknown_edge&limit=50",
  ]);
  expect(state.many.value).toEqual({ running: false, taken: 119, known: 1, refused: 1 });
  expect(state.letters.value?.items).toEqual([]);
});

test("a replay of many that breaks off says how far it came", async () => {
  answers = [["POST /replay", 200, { taken: 100, known: 0, refused: 0, next_after: "m" }]];
  await state.replayAll();
  expect(state.many.value).toEqual({ running: false, taken: 100, known: 0, refused: 0 });
  expect(state.deedFailure.value).toMatchObject({ id: null, error: { code: "network" } });
});

test("a row takes in the one that the hub merged it with", () => {
  const items = [letter("c"), letter("b"), letter("a")];
  expect(ids(replaceLetter(items, "b", letter("a", { times: 3 })))).toEqual(["c", "a"]);
  expect(ids(replaceLetter(items, "b", letter("b")))).toEqual(["c", "b", "a"]);
});

test("J and K stay inside the letters and start at the top", () => {
  const items = [letter("b"), letter("a")];
  expect([letterAt(items, null, 1), letterAt(items, "b", 1), letterAt(items, "a", 1)]).toEqual(["b", "a", "a"]);
  expect(letterAt([], null, 1)).toBe(null);
});

test("a payload is laid out only when that changes nothing of it", () => {
  expect(readable('{"a":[1,2]}')).toBe('{\n  "a": [\n    1,\n    2\n  ]\n}');
  expect(readable("not json")).toBe("not json");
  expect(readable('{"seq":12345678901234567890}')).toBe('{"seq":12345678901234567890}');
});

test("the commonest reason comes first, and the chosen one is there without letters", () => {
  expect(reasonChoices({ invalid: 1, conflict: 5 }, "unknown_edge")).toEqual([
    ["conflict", 5],
    ["invalid", 1],
    ["unknown_edge", 0],
  ]);
});

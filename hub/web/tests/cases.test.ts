import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CaseSummary } from "../src/api/types";
import * as cases from "../src/state/cases";
import { feed, startFeed, stopFeed } from "../src/state/feed";

/** A hub of `count` cases behind `fetch`; `status` fails the list, `gone` makes single cases 404. */
class Hub {
  count = 800;
  status = 200;
  version = 1;
  gone = new Set<string>();
  asked: string[] = [];
  private feeds: ReadableStreamDefaultController<Uint8Array>[] = [];

  readonly fetch = async (path: string): Promise<Response> => {
    if (path.endsWith("/feed")) return new Response(new ReadableStream({ start: (line) => void this.feeds.push(line) }));
    this.asked.push(path);
    const url = new URL(path, "http://hub");
    if (url.pathname.endsWith("/cases")) return this.page(Number(url.searchParams.get("cursor") ?? 0), Number(url.searchParams.get("limit")));
    const caseNo = url.pathname.split("/").at(-1) ?? "";
    return this.gone.has(caseNo) ? problem(404) : Response.json(this.row(Number(caseNo.slice(1))));
  };

  say(event: string, data: object): void {
    const text = new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    for (const line of this.feeds) line.enqueue(text);
  }

  singles(): number {
    return this.asked.filter((path) => !path.includes("?")).length;
  }

  private page(from: number, limit: number): Response {
    if (this.status !== 200) return problem(this.status);
    const items = Array.from({ length: Math.min(limit, this.count - from) }, (_, index) => this.row(this.count - from - index));
    const next = from + limit < this.count ? String(from + limit) : null;
    const total = from === 0 ? this.count : null;
    return Response.json({ items, next_cursor: next, total, counts: null, as_of: new Date(0).toISOString() });
  }

  private row(n: number): Partial<CaseSummary> {
    const opened_at = new Date(n * 1000).toISOString();
    return { case_no: `C${n}`, version: this.version, opened_at, cover_sha256: "a" };
  }
}

function problem(status: number): Response {
  return Response.json({ code: "any", detail: "" }, { status });
}

const named = (n: number) => ({ case_no: `C${n}`, version: 2, stage: "found", item_key: "litter", change: "updated" });
const settle = (ms = 2500) => vi.advanceTimersByTimeAsync(ms);
let hub: Hub;
/** Goes on from test to test: the list keeps its distance from its last request. */
let startMs = 0;
let unfollow: () => void;

beforeEach(async () => {
  startMs += 60_000;
  vi.useFakeTimers({ now: startMs });
  hub = new Hub();
  vi.stubGlobal("fetch", hub.fetch);
  vi.stubGlobal("window", globalThis);
  vi.stubGlobal("document", { hidden: false });
  unfollow = cases.followCases();
  startFeed();
  await settle();
  for (let page = 1; page < 16; page += 1) await cases.loadMore();
  expect(cases.list.value.rows).toHaveLength(800);
  expect(feed.value.status).toBe("live");
  hub.asked = [];
});

afterEach(() => {
  stopFeed();
  unfollow();
  cases.scrolled.value = false;
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a reconnect with 800 rows costs one request, and a calm list starts anew", async () => {
  hub.say("hello", { as_of: new Date(0).toISOString() });
  await settle();
  expect(hub.asked).toHaveLength(1);
  expect(cases.list.value.rows).toHaveLength(50);
  await cases.loadMore();
  expect(cases.list.value.rows).toHaveLength(100);
});

test("a reconnect under the user's eye costs one request and marks the rows that nobody vouches for", async () => {
  cases.scrolled.value = true;
  hub.say("hello", { as_of: new Date(0).toISOString() });
  await settle();
  expect(hub.asked).toHaveLength(1);
  expect(cases.list.value.rows).toHaveLength(800);
  expect(cases.list.value.doubtful.size).toBe(750);
  cases.showWaiting();
  await settle();
  expect(cases.list.value.rows).toHaveLength(50);
});

test("few named rows are asked for one by one, many are marked", async () => {
  cases.scrolled.value = true;
  hub.say("case", named(700));
  await settle();
  expect(hub.singles()).toBe(1);
  for (let n = 1; n <= 21; n += 1) hub.say("case", named(n));
  await settle();
  expect(hub.singles()).toBe(1);
  expect(cases.list.value.doubtful.size).toBe(21);
});

test("what an event named is asked for again after the hub failed", async () => {
  cases.scrolled.value = true;
  hub.version = 2;
  hub.status = 503;
  hub.say("case", named(700));
  await settle();
  expect(hub.singles()).toBe(0);
  hub.status = 200;
  await settle(8000);
  expect(cases.list.value.rows.find((row) => row.case_no === "C700")?.version).toBe(2);
  expect(cases.failure.value).toBe(null);
});

test("a case that is gone leaves the list without a banner", async () => {
  cases.selected.value = "C700";
  hub.gone.add("C700");
  hub.say("case", named(700));
  await settle();
  expect(cases.list.value.rows).toHaveLength(799);
  expect(cases.selected.value).toBe(null);
  expect(cases.failure.value).toBe(null);
});

test("a page that a cursor asked for leaves the counts alone", () => {
  expect(cases.total.value).toBe(800);
});

test("a new filter keeps the rows in doubt until its own have come", async () => {
  cases.setFilter({ stage: "", item: "litter", q: "" });
  expect(cases.phase.value).toBe("loading");
  await settle();
  expect(cases.phase.value).toBe("ready");
  cases.setFilter({ stage: "", item: "", q: "" });
  await settle();
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SseParser } from "../src/api/sse";
import { toEvent } from "../src/state/feed";
import { throttle } from "../src/state/throttle";

test("messages come out whole, however the stream is cut", () => {
  const stream = 'event: hello\r\ndata: {"as_of":"x"}\r\n\r\n: ping\n\nevent: case\ndata: {"a":\ndata: 1}\n\n';
  for (let cut = 1; cut < stream.length; cut += 1) {
    const parser = new SseParser();
    const messages = [...parser.push(stream.slice(0, cut)), ...parser.push(stream.slice(cut))];
    expect(messages).toEqual([
      { event: "hello", data: '{"as_of":"x"}' },
      { event: "case", data: '{"a":\n1}' },
    ]);
  }
});

test("hello asks for a resync, unknown and broken messages are left alone", () => {
  expect(toEvent({ event: "hello", data: '{"as_of":"2026-11-24T06:00:00Z"}' })).toEqual({ type: "resync" });
  expect(toEvent({ event: "case", data: '{"case_no":"C1"}' })).toEqual({ type: "case", data: { case_no: "C1" } });
  expect(toEvent({ event: "weather", data: "{}" })).toBe(null);
  expect(toEvent({ event: "case", data: "{" })).toBe(null);
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a burst becomes one run, and runs keep their distance", () => {
  const runs: number[] = [];
  const start = Date.now();
  const call = throttle(() => runs.push(Date.now() - start), 100, 2000);
  for (let ms = 0; ms < 2500; ms += 50) {
    call();
    vi.advanceTimersByTime(50);
  }
  expect(runs).toEqual([100, 2100]);
  call.cancel();
  vi.advanceTimersByTime(5000);
  expect(runs).toHaveLength(2);
});

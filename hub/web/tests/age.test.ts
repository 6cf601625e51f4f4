import { expect, test } from "vitest";
import { formatAge, formatSpan, formatStamp, isStale, useSiteTimeZone } from "../src/state/time";

const local = (day: number, h: number, m: number, s: number) => new Date(2026, 10, day, h, m, s);
const now = local(24, 14, 30, 0).getTime();
const age = (at: Date) => formatAge(at.toISOString(), now);

test("seconds up to a minute, minutes up to an hour", () => {
  expect(age(local(24, 14, 29, 57))).toBe("3 s");
  expect(age(local(24, 14, 29, 1))).toBe("59 s");
  expect(age(local(24, 14, 29, 0))).toBe("1 min");
  expect(age(local(24, 13, 30, 1))).toBe("59 min");
});

test("then the time of day, then the date", () => {
  expect(age(local(24, 13, 30, 0))).toBe("13:30:00");
  expect(age(local(24, 4, 2, 31))).toBe("04:02:31");
  expect(age(local(23, 23, 59, 59))).toBe("2026-11-23 23:59");
});

test("a time ahead of the clock is no negative age, and nonsense is shown as it came", () => {
  expect(age(local(24, 14, 30, 5))).toBe("0 s");
  expect(formatAge("soon", now)).toBe("soon");
});

test("spans carry their two largest units", () => {
  expect([5, 302, 3720, 100_000].map(formatSpan)).toEqual(["5 s", "5 min 02 s", "1 h 02 min", "1 d 03 h"]);
});

test("stale is older than the limit, not equal to it", () => {
  expect(isStale(new Date(now - 30_000).toISOString(), now, 30)).toBe(false);
  expect(isStale(new Date(now - 30_001).toISOString(), now, 30)).toBe(true);
});

test("wall time of the site, wherever the browser is", () => {
  useSiteTimeZone("Asia/Shanghai");
  expect(formatStamp("2026-11-24T16:30:05Z")).toBe("2026-11-25 00:30:05");
  useSiteTimeZone("UTC");
  expect(formatStamp("2026-11-24T16:30:05Z")).toBe("2026-11-24 16:30:05");
});

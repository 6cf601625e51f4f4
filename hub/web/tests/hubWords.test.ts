import { expect, test } from "vitest";
import { BOX_SENTENCES, boxWords } from "../src/i18n/box";
import { zh } from "../src/i18n/zh";
import { lang } from "../src/state/prefs";

const hub = import.meta.glob<string>(["../../**/*.py", "!../../web/**"], { query: "?raw", import: "default", eager: true });
const box = import.meta.glob<string>("../../../edge_agent/**/*.py", { query: "?raw", import: "default", eager: true });
const wire = import.meta.glob<string>("../../../mqtt/errors.py", { query: "?raw", import: "default", eager: true });
const join = (files: Record<string, string>) => Object.values(files).join("\n");

/** Only boxes, the metrics reader and the command line are answered with these. */
const NOT_FOR_PAGES = [
  "bad_area", "bad_sha256", "bad_username", "disk_failed", "disk_low", "edge_not_found",
  "edge_token_missing", "no_administrator", "hash_mismatch", "loopback_only", "not_jpeg", "unknown_edge_token", "user_exists",
  "user_not_found",
];

test("every code that the hub answers has its words", () => {
  const text = join(hub);
  const raised = text.matchAll(/(?:\w+Error|problem)\(\s*(?:\d{3},\s*)?"([a-z][a-z0-9_]*)",/g);
  const mapped = text.matchAll(/\b\d{3}: "([a-z_]+)"/g);
  const codes = new Set([...raised, ...mapped].map((found) => found[1] ?? ""));
  expect(codes).toContain("case_not_found");
  expect(codes).toContain("internal_error");
  expect([...codes].filter((code) => !NOT_FOR_PAGES.includes(code) && !(`code.${code}` in zh))).toEqual([]);
});

test("every reason of a refusal has its words and its advice", () => {
  const reasons = [...join(wire).matchAll(/^ {4}[A-Z_]+ = "([a-z_]+)"/gm)].map((found) => found[1]);
  expect(reasons).toContain("unknown_edge");
  const words = [...reasons, "internal_error"].flatMap((reason) => [`refusal.${reason}`, `advice.${reason}`]);
  expect(words.filter((key) => !(key in zh))).toEqual([]);
});

test("the sentences are those of the box", () => {
  const text = join(box);
  const longest = (english: string) => english.split(/\{\w+\}/).sort((a, b) => b.length - a.length)[0] ?? "";
  expect(BOX_SENTENCES.map(([english]) => longest(english).trim()).filter((piece) => !text.includes(piece))).toEqual([]);
});

test("the box is understood in Chinese, and what is unknown is shown as it came", () => {
  lang.value = "zh";
  expect(boxWords("4 vehicles stand in the zone: it may be a queue")).toBe("区域内停有 4 辆车，可能是排队");
  expect(boxWords("camera z-7: rtsp://10.1.4.7/a broke the connection")).toBe("摄像机 z-7: rtsp://10.1.4.7/a 断开了连接");
  expect(boxWords("another vehicle took the place")).toBe("该位置已被另一辆车占用");
  expect(boxWords("东侧被站牌遮挡")).toBe("东侧被站牌遮挡");
  lang.value = "en";
  expect(boxWords("another vehicle took the place")).toBe("another vehicle took the place");
});

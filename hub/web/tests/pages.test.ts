import { expect, test } from "vitest";
import type { Camera, Evidence, HistoryEntry } from "../src/api/types";
import { staleReason } from "../src/pages/cameras/CameraTile";
import { gapWords } from "../src/pages/cameras/EdgeTable";
import { arrange } from "../src/pages/case/EvidencePanel";
import { figure } from "../src/pages/case/FactsPanel";
import { stageTimes } from "../src/pages/case/StoryPanel";
import { drag, zoomAt, zoomToBox } from "../src/pages/case/zoom";
import { obstacle } from "../src/pages/PasswordPage";
import { counted } from "../src/parts/count";
import { answersItself, match } from "../src/state/keys";
import { lang } from "../src/state/prefs";

test("the password form says its first obstacle", () => {
  expect(obstacle("old", "short", "short")).toBe("password.tooShort");
  expect(obstacle("twelve-chars", "twelve-chars", "twelve-chars")).toBe("password.same");
  expect(obstacle("old", "a-new-password", "a-new-passwort")).toBe("password.differs");
  expect(obstacle("old", "a-new-password", "a-new-password")).toBe(null);
});

test("a chord waits for its second key, and the page on top wins", () => {
  const below = { "g c": () => undefined, j: () => undefined };
  const top = { j: () => undefined };
  expect(match([below, top], "", "g")).toBe("wait");
  expect(match([below, top], "g", "c")).toBe(below["g c"]);
  expect(match([below, top], "g", "x")).toBe(null);
  expect(match([below, top], "", "j")).toBe(top.j);
});

test("Enter belongs to the link or button that has the focus, other keys to the page", () => {
  const link = { closest: (selector: string) => (selector.includes("a") ? link : null) } as unknown as Element;
  const text = { closest: () => null } as unknown as Element;
  expect(answersItself("Enter", link)).toBe(true);
  expect(answersItself("j", link)).toBe(false);
  expect(answersItself("Enter", text)).toBe(false);
  expect(answersItself("Enter", null)).toBe(false);
});

test("a count that the hub cut off says so", () => {
  expect([0, 9999, 10_000, 10_001].map(counted)).toEqual(["0", "9999", "10000", "10,000+"]);
});

const picture = (role: Evidence["role"]) => ({ role, sha256: role }) as Evidence;

test("before and after are the first and the last moment", () => {
  const all = [picture("wide"), picture("t1"), picture("middle"), picture("t0")];
  expect(arrange(all).pair.map((each) => each.role)).toEqual(["t0", "t1"]);
  expect(arrange(all).rest.map((each) => each.role)).toEqual(["wide", "middle"]);
  expect(arrange([picture("wide")]).pair.map((each) => each.role)).toEqual(["wide"]);
  expect(arrange([]).pair).toEqual([]);
});

test("zooming brings the box to the middle and never shows beyond the picture", () => {
  const zoom = zoomToBox([0.4, 0.4, 0.6, 0.5]);
  expect(zoom.scale).toBeCloseTo(3);
  expect(zoom.x + (0.5 - zoom.x) * zoom.scale).toBeCloseTo(0.5);
  expect(zoom.y + (0.45 - zoom.y) * zoom.scale).toBeCloseTo(0.5);
  expect(zoomAt(0, 1)).toMatchObject({ x: 0, y: 1 });
  expect(drag(zoomAt(0.5, 0.5), 9, -9)).toMatchObject({ x: 0, y: 1 });
});

test("a stage counts from when the case last entered it", () => {
  const entry = (at: string, from_stage: HistoryEntry["from_stage"], to_stage: HistoryEntry["to_stage"]) =>
    ({ at, from_stage, to_stage }) as HistoryEntry;
  const times = stageTimes([entry("1", null, "found"), entry("2", "found", "found"), entry("3", "found", "dispatched")]);
  expect(times).toEqual({ found: "1", dispatched: "3" });
});

test("figures carry their unit", () => {
  expect(figure(302, "s")).toBe("5 min 02 s");
  expect(figure(0.8765, "")).toBe("0.88");
  expect(figure(0.001234, "picture")).toMatch(/^0.12 %/);
  expect(figure(0, "persons")).toMatch(/^0 /);
  expect(figure(12, "m")).toBe("12 m");
});

test("the nearest cause of an old picture is named", () => {
  const camera = { state: "live", edge_state: "offline" } as Camera;
  expect(staleReason(camera, false)).toBe("cameras.why.edge");
  expect(staleReason(camera, true)).toBe("cameras.why.feed");
  expect(staleReason({ ...camera, edge_state: "online" }, false)).toBe("cameras.why.quiet");
  expect(staleReason({ ...camera, edge_state: "online", state: "stalled" }, false)).toBe("camera.stalled");
});

test("gaps are spoken of only when there are some", () => {
  lang.value = "zh";
  expect(gapWords({ open: 0, lost: 0 })).toBe("");
  expect(gapWords({ open: 2, lost: 0 })).toBe("2 处待补");
  expect(gapWords({ open: 1, lost: 3 })).toBe("1 处待补 · 3 处丢失");
});

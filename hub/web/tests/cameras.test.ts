import { expect, test } from "vitest";
import type { Camera } from "../src/api/types";
import { countStates, searchCameras, trueState } from "../src/state/cameraFilter";

const base = { name_zh: "展览路7号", name_en: "Zhanlanlu 7", edge_id: "edge-zl-01", camera_id: "zhan-07", grid_code: "110102009", state: "live", edge_state: "online" };
const camera = (change: Partial<Camera>) => ({ ...base, ...change }) as Camera;
const all = [camera({}), camera({ camera_id: "zhan-08", edge_state: "offline" }), camera({ camera_id: "de-03", state: "stalled", grid_code: null })];

test.each([
  ["", 3],
  ["展览路", 3],
  ["ZHAN-0", 2],
  ["zhanlanlu de-03", 1],
  ["110102", 2],
  ["nowhere", 0],
])("%j finds %i cameras", (q, count) => {
  expect(searchCameras(all, q)).toHaveLength(count);
});

test("an offline box makes its cameras offline, in the filter too", () => {
  expect(all.map(trueState)).toEqual(["live", "offline", "stalled"]);
  expect([...countStates(all)]).toEqual([["live", 1], ["offline", 1], ["stalled", 1]]);
});

import { expect, test } from "vitest";
import { listPath } from "../src/state/cases";
import { casePath, parsePath } from "../src/state/router";

test("known addresses", () => {
  expect(parsePath("/")).toEqual({ page: "cases" });
  expect(parsePath("/cases")).toEqual({ page: "cases" });
  expect(parsePath("/cases/")).toEqual({ page: "cases" });
  expect(parsePath("/cameras")).toEqual({ page: "cameras" });
  expect(parsePath("/dead-letters")).toEqual({ page: "dead-letters" });
  expect(parsePath("/cases/XC2026112400021")).toEqual({ page: "case", caseNo: "XC2026112400021" });
});

test("a case number survives its address", () => {
  const caseNo = "西城/2026 #7%";
  expect(parsePath(casePath(caseNo))).toEqual({ page: "case", caseNo });
});

test.each(["/nowhere", "/cases/a/b", "/cameras/x", "/cases/%E0%A4%A"])("%s leads nowhere", (path) => {
  expect(parsePath(path)).toEqual({ page: "missing", path });
});

test("the filter is kept in the address, empty parts left out", () => {
  expect(listPath({ stage: "", item: "", q: "" })).toBe("/cases");
  expect(listPath({ stage: "found", item: "", q: "展 7" })).toBe("/cases?stage=found&q=%E5%B1%95+7");
});

import { expect, test } from "vitest";
import { STAGES } from "../src/api/types";
import { en } from "../src/i18n/en";
import { named, pick, t } from "../src/i18n/text";
import { zh } from "../src/i18n/zh";
import { lang } from "../src/state/prefs";

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
const keys = Object.keys(zh) as (keyof typeof zh)[];

test("both languages have the same keys, none empty, with the same placeholders", () => {
  expect(Object.keys(en).sort()).toEqual([...keys].sort());
  for (const key of keys) {
    expect(en[key].trim(), key).not.toBe("");
    expect(placeholders(en[key]), key).toEqual(placeholders(zh[key]));
  }
});

test("every key is used, by name or by prefix", () => {
  const files = import.meta.glob<string>(["../src/**/*.{ts,tsx}", "!../src/i18n/{zh,en}{,Words}.ts"], { query: "?raw", import: "default", eager: true });
  const text = Object.values(files).join("\n");
  expect(text).toContain("cases.title");
  const byPrefix = (key: string) => text.includes(`\`${key.slice(0, key.lastIndexOf("."))}.\${`);
  const byServer = (key: string) => text.includes(`named("${key.split(".")[0]}"`);
  const used = (key: string) => text.includes(`"${key}"`) || byPrefix(key) || byServer(key);
  expect(keys.filter((key) => !used(key))).toEqual([]);
});

test("every stage has its word", () => {
  expect(STAGES.map((stage) => zh[`stage.${stage}`])).toEqual(["发现上报", "指挥派遣", "处置反馈", "任务核查", "入库评价", "结案归档"]);
});

test("words follow the language", () => {
  lang.value = "zh";
  expect(t("cases.new", { count: 5 })).toBe("5 件新案件");
  expect(pick("展览路", "Zhanlan Road")).toBe("展览路");
  lang.value = "en";
  expect(t("cases.new", { count: 5 })).toBe("5 new");
  expect(pick("展览路", "")).toBe("展览路");
});

test("an identifier without words is shown itself", () => {
  lang.value = "en";
  expect(named("action", "cleared")).toBe("Cleared");
  expect(named("action", "never_heard_of")).toBe("never_heard_of");
});

/** Looks up words in the chosen language. */
import { lang } from "../state/prefs";
import { en } from "./en";
import { zh } from "./zh";

export type Key = keyof typeof zh;
type Params = Record<string, string | number>;

const tables: Record<"zh" | "en", Record<Key, string>> = { zh, en };

/** The words of `key` with `{name}` replaced by `params.name`; reads the language signal, so callers follow it. */
export function t(key: Key, params: Params = {}): string {
  return tables[lang.value][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** The words for a server's identifier, or the identifier itself when there are none. */
export function named(prefix: string, id: string, params?: Params): string {
  const key = `${prefix}.${id}`;
  return key in zh ? t(key as Key, params) : id;
}

/** Picks the Chinese or English name that the server sent. */
export function pick(inChinese: string, inEnglish: string): string {
  return (lang.value === "zh" ? inChinese || inEnglish : inEnglish || inChinese) || t("fact.unknown");
}

/** Language and theme, kept in the browser. */
import { effect, signal } from "@preact/signals";

export type Lang = "zh" | "en";
export type Theme = "dark" | "light";

/** Storage may be blocked; the page then works without memory. */
export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`tianrui.${name}`);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`tianrui.${name}`);
    else localStorage.setItem(`tianrui.${name}`, value);
  } catch {
    return;
  }
}

export const lang = signal<Lang>(recall("lang") === "en" ? "en" : "zh");
export const theme = signal<Theme>(recall("theme") === "light" ? "light" : "dark");

/** Mirrors the choices to the document and to storage. */
export function startPrefs(): void {
  effect(() => {
    document.documentElement.lang = lang.value === "zh" ? "zh-CN" : "en";
    remember("lang", lang.value);
  });
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    remember("theme", theme.value);
  });
}

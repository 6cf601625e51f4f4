/** Keyboard commands: single keys and `g x` chords, newest page first. */
import { useEffect, useRef } from "preact/hooks";

export type Keymap = Record<string, () => void>;

const CHORD_MS = 1500;

/** Finds the command for the keys pressed; a chord prefix gives "wait". */
export function match(maps: Keymap[], pending: string, key: string): (() => void) | "wait" | null {
  const pressed = pending ? `${pending} ${key}` : key;
  for (const map of maps.toReversed()) {
    const command = map[pressed];
    if (command) return command;
  }
  if (!pending && maps.some((map) => Object.keys(map).some((name) => name.startsWith(`${key} `)))) return "wait";
  return null;
}

const maps: Keymap[] = [];
let pending = "";
let pendingTimer = 0;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input:not([type=checkbox]), textarea, select") !== null;
}

/** Links and buttons answer Enter by themselves; a list's Enter must not take it from them. */
export function answersItself(key: string, target: Pick<Element, "closest"> | null): boolean {
  return key === "Enter" && target !== null && target.closest("a, button, summary") !== null;
}

function setPending(key: string): void {
  clearTimeout(pendingTimer);
  pending = key;
  if (key) pendingTimer = window.setTimeout(() => setPending(""), CHORD_MS);
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") (event.target as HTMLElement).blur();
    return;
  }
  if (answersItself(event.key, event.target instanceof Element ? event.target : null)) return setPending("");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = match(maps, pending, key);
  setPending(found === "wait" ? key : "");
  if (typeof found !== "function") return;
  event.preventDefault();
  found();
}

export function startKeys(): void {
  addEventListener("keydown", onKey);
}

/** Binds keys while the component is on the page. */
export function useKeys(map: Keymap): void {
  const latest = useRef(map);
  latest.current = map;
  useEffect(() => {
    const bound: Keymap = {};
    for (const key of Object.keys(map)) bound[key] = () => latest.current[key]?.();
    maps.push(bound);
    return () => {
      maps.splice(maps.indexOf(bound), 1);
    };
  }, []);
}

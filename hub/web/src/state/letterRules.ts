/** What becomes of the rows of the dead letters; no signals, no requests. */
import type { DeadLetter } from "../api/types";

/** Numbers that JSON.parse would round. */
const HUGE_NUMBER = /[:[,]\s*-?\d{16,}/;

/** Puts what the hub answered in the place of a row; the hub may have merged it with another row. */
export function replaceLetter(items: DeadLetter[], id: string, fresh: DeadLetter): DeadLetter[] {
  return items.filter((letter) => letter.id === id || letter.id !== fresh.id).map((letter) => (letter.id === id ? fresh : letter));
}

/** The row `step` away from `from`, kept inside the list; without a selection the first row. */
export function letterAt(items: DeadLetter[], from: string | null, step: number): string | null {
  const index = items.findIndex((letter) => letter.id === from);
  const next = index < 0 ? 0 : Math.min(items.length - 1, Math.max(0, index + step));
  return items[next]?.id ?? null;
}

/** A payload as it is best read: JSON with indents when that changes nothing of it, else as it came. */
export function readable(payload: string): string {
  if (HUGE_NUMBER.test(payload)) return payload;
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return payload;
  }
}

/** The reasons to choose from: those that there are, and the chosen one. */
export function reasonChoices(counts: Record<string, number>, chosen: string): [string, number][] {
  const known = chosen && !(chosen in counts) ? { ...counts, [chosen]: 0 } : counts;
  return Object.entries(known).sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
}

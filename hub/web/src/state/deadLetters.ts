/** The dead letters while their page is open; no event tells of them, so the page asks when it opens and when told to. */
import { batch, signal } from "@preact/signals";
import { getDeadLetters } from "../api/calls";
import { ApiError } from "../api/client";
import type { DeadLetter } from "../api/types";
import { hubNow } from "./clock";

const PAGE = 50;
const MAX_LETTERS = 1000;

export interface Letters {
  items: DeadLetter[];
  /** Where to go on, or null at the end or when enough are loaded. */
  cursor: string | null;
  total: number;
  asOfMs: number;
}

export const letters = signal<Letters | null>(null);
export const letterFailure = signal<ApiError | null>(null);
export const lettersBusy = signal(false);

async function ask(known: Letters | null): Promise<void> {
  if (lettersBusy.peek()) return;
  lettersBusy.value = true;
  try {
    const page = await getDeadLetters(PAGE, known?.cursor ?? null);
    const items = [...(known?.items ?? []), ...page.items];
    const cursor = items.length < MAX_LETTERS ? page.next_cursor : null;
    const total = page.total ?? known?.total ?? items.length;
    batch(() => {
      letters.value = { items, cursor, total, asOfMs: known?.asOfMs ?? hubNow() };
      letterFailure.value = null;
    });
  } catch (caught) {
    if (!(caught instanceof ApiError)) throw caught;
    letterFailure.value = caught;
  } finally {
    lettersBusy.value = false;
  }
}

export const loadLetters = () => ask(null);

export async function loadMoreLetters(): Promise<void> {
  const known = letters.peek();
  if (known?.cursor) await ask(known);
}

/** Forgets the letters of whoever was signed in before. */
export function dropLetters(): void {
  letters.value = null;
  letterFailure.value = null;
}

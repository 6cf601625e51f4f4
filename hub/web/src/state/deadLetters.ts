/** The dead letters while their page is open; no event tells of them, so the page asks when it opens and when told to. */
import { batch, signal } from "@preact/signals";
import { dismissDeadLetter, getDeadLetter, getDeadLetters, type LetterQuery, replayDeadLetter, replayDeadLetters } from "../api/calls";
import { ApiError } from "../api/client";
import type { DeadLetter, Replayed, ReplayedMany } from "../api/types";
import { hubNow } from "./clock";
import { replaceLetter } from "./letterRules";

const PAGE = 50;
const MAX_LETTERS = 1000;

export interface Letters {
  items: DeadLetter[];
  /** Where to go on, or null at the end or when enough are loaded. */
  cursor: string | null;
  total: number;
  /** By reason, of the chosen agent or of all. */
  counts: Record<string, number>;
  asOfMs: number;
}

/** What came of the user's last word on a letter; `gone` when somebody else was faster. */
export type LetterFate = Replayed["result"] | "busy" | "dismissed" | "gone";

/** A replay of many: what came of it so far. */
export interface ManyReplayed {
  running: boolean;
  taken: number;
  known: number;
  refused: number;
}

export const letterFilter = signal<LetterQuery>({ reason: "", edge_id: "" });
export const letters = signal<Letters | null>(null);
export const letterFailure = signal<ApiError | null>(null);
export const lettersBusy = signal(false);
export const chosenLetter = signal<string | null>(null);
/** The payload of the letter that is open. */
export const opened = signal<{ id: string; payload: string | null } | null>(null);
export const fates = signal<ReadonlyMap<string, LetterFate>>(new Map());
/** Why the last deed did not work, and on which letter, or null for many. */
export const deedFailure = signal<{ id: string | null; error: ApiError } | null>(null);
export const many = signal<ManyReplayed | null>(null);

/** The address of the list under a filter. */
export function lettersPath(query: LetterQuery): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  const text = params.toString();
  return text ? `/dead-letters?${text}` : "/dead-letters";
}

/** The answer, or null when the request failed and `fail` was told. */
async function asked<T>(work: () => Promise<T>, fail: (error: ApiError) => void): Promise<T | null> {
  try {
    return await work();
  } catch (caught) {
    if (!(caught instanceof ApiError)) throw caught;
    fail(caught);
    return null;
  }
}

async function ask(known: Letters | null): Promise<void> {
  const query = letterFilter.peek();
  lettersBusy.value = true;
  const page = await asked(
    () => getDeadLetters(query, PAGE, known?.cursor ?? null),
    (error) => {
      if (query === letterFilter.peek()) letterFailure.value = error;
    },
  );
  if (query !== letterFilter.peek()) return;
  batch(() => {
    lettersBusy.value = false;
    if (!page) return;
    const items = [...(known?.items ?? []), ...page.items];
    const cursor = items.length < MAX_LETTERS ? page.next_cursor : null;
    letters.value = { items, cursor, total: page.total, counts: page.counts, asOfMs: known?.asOfMs ?? hubNow() };
    letterFailure.value = null;
  });
}

/** Loads from scratch, after a new filter or by request. */
export async function loadLetters(): Promise<void> {
  if (lettersBusy.peek()) return;
  batch(() => {
    fates.value = new Map();
    deedFailure.value = null;
  });
  await ask(null);
}

export async function loadMoreLetters(): Promise<void> {
  const known = letters.peek();
  if (known?.cursor && !lettersBusy.peek()) await ask(known);
}

export function filterLetters(query: LetterQuery): void {
  dropLetters();
  letterFilter.value = query;
  void loadLetters();
}

/** Forgets the letters of the filter, or of whoever was signed in before. */
export function dropLetters(): void {
  batch(() => {
    letterFilter.value = { reason: "", edge_id: "" };
    letters.value = null;
    letterFailure.value = null;
    lettersBusy.value = false;
    chosenLetter.value = null;
    opened.value = null;
    fates.value = new Map();
    deedFailure.value = null;
    many.value = null;
  });
}

/** Opens a letter and fetches its payload, or closes it. */
export async function toggleLetter(id: string): Promise<void> {
  chosenLetter.value = id;
  deedFailure.value = null;
  if (opened.peek()?.id === id) {
    opened.value = null;
    return;
  }
  opened.value = { id, payload: null };
  const found = await asked(() => getDeadLetter(id), (error) => failed(id, error));
  if (found && opened.peek()?.id === id) opened.value = { id, payload: found.payload };
}

/** Whether the user may still do something with a letter. */
export function isOpen(id: string): boolean {
  const fate = fates.value.get(id);
  return fate === undefined || fate === "refused";
}

export async function replayLetter(id: string): Promise<void> {
  const letter = letters.peek()?.items.find((each) => each.id === id);
  if (!letter || letter.obstacle || !isOpen(id)) return;
  settle(id, "busy");
  const answer = await asked(() => replayDeadLetter(id), (error) => failed(id, error));
  if (!answer) return;
  batch(() => {
    if (answer.letter) put(id, answer.letter);
    settle(answer.letter?.id ?? id, answer.result);
  });
}

export async function dismissLetter(id: string): Promise<void> {
  if (!isOpen(id)) return;
  settle(id, "busy");
  const done = await asked(() => dismissDeadLetter(id).then(() => true), (error) => failed(id, error));
  if (done) settle(id, "dismissed");
}

/** Replays everything under the filter in rounds, shows how far it is, and loads the list anew. */
export async function replayAll(): Promise<void> {
  if (many.peek()?.running) return;
  const query = letterFilter.peek();
  let sum: ManyReplayed = { running: true, taken: 0, known: 0, refused: 0 };
  let after: string | null = null;
  deedFailure.value = null;
  do {
    many.value = sum;
    const from: string | null = after;
    const round: ReplayedMany | null = await asked(() => replayDeadLetters(query, from), (error) => failed(null, error));
    if (query !== letterFilter.peek()) return;
    after = round?.next_after ?? null;
    if (round) {
      sum = { running: true, taken: sum.taken + round.taken, known: sum.known + round.known, refused: sum.refused + round.refused };
    }
  } while (after !== null);
  many.value = { ...sum, running: false };
  if (!deedFailure.peek()) await loadLetters();
}

function settle(id: string, fate: LetterFate | null): void {
  const next = new Map(fates.peek());
  if (fate) next.set(id, fate);
  else next.delete(id);
  fates.value = next;
  if (fate === "busy") deedFailure.value = null;
}

function failed(id: string | null, error: ApiError): void {
  if (id !== null) settle(id, error.code === "letter_not_found" ? "gone" : null);
  if (error.code !== "letter_not_found") deedFailure.value = { id, error };
}

function put(id: string, fresh: DeadLetter): void {
  const known = letters.peek();
  if (known) letters.value = { ...known, items: replaceLetter(known.items, id, fresh) };
  if (chosenLetter.peek() === id) chosenLetter.value = fresh.id;
  const open = opened.peek();
  if (open?.id === id) opened.value = { ...open, id: fresh.id };
}

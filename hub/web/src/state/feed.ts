/** The hub's event feed: keeps it open, says since when it is lost, hands events to the pages. */
import { signal } from "@preact/signals";
import { FEED_URL } from "../api/calls";
import { readStream, type SseMessage } from "../api/sse";
import type { FeedEvent } from "../api/types";
import { hubNow, learnServerTime } from "./clock";
import { sessionEnded } from "./session";

export type FeedWhy = { key: "network" | "silent" | "ended" } | { key: "refused"; status: number };
export type FeedState =
  | { status: "connecting" }
  | { status: "live" }
  | { status: "lost"; sinceMs: number; why: FeedWhy };

/** The hub pings every 10 s; two missed pings and some slack mean that the line is dead. */
export const SILENCE_S = 25;
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

export const feed = signal<FeedState>({ status: "connecting" });

type Listener = (event: FeedEvent) => void;
const listeners = new Set<Listener>();

export function onFeed(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Turns one message into an event; unknown kinds and broken data give null. */
export function toEvent(message: SseMessage): FeedEvent | null {
  try {
    const data = JSON.parse(message.data);
    if (message.event === "hello") {
      learnServerTime(String(data.as_of));
      return { type: "resync" };
    }
    const known = message.event === "case" || message.event === "camera" || message.event === "edge";
    return known ? ({ type: message.event, data } as FeedEvent) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

let controller: AbortController | null = null;
let retryTimer = 0;
let attempt = 0;

function lost(why: FeedWhy): void {
  const before = feed.value;
  feed.value = { status: "lost", why, sinceMs: before.status === "lost" ? before.sinceMs : hubNow() };
  const wait = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0;
  attempt += 1;
  retryTimer = window.setTimeout(open, wait * (0.75 + Math.random() / 2));
}

async function open(): Promise<void> {
  const mine = new AbortController();
  controller = mine;
  let silent = false;
  let watchdog = 0;
  const rearm = () => {
    clearTimeout(watchdog);
    watchdog = window.setTimeout(() => {
      silent = true;
      mine.abort();
    }, SILENCE_S * 1000);
  };
  rearm();
  const why = await readStream(FEED_URL, mine.signal, { onOpen, onBytes: rearm, onMessage: publish }).then(
    (): FeedWhy => ({ key: "ended" }),
    (caught: unknown): FeedWhy => {
      if (silent) return { key: "silent" };
      return caught instanceof Response ? { key: "refused", status: caught.status } : { key: "network" };
    },
  );
  clearTimeout(watchdog);
  if (controller !== mine) return;
  if (why.key === "refused" && why.status === 401) sessionEnded();
  else lost(why);
}

function onOpen(): void {
  attempt = 0;
  feed.value = { status: "live" };
}

function publish(message: SseMessage): void {
  const event = toEvent(message);
  if (event) for (const listener of listeners) listener(event);
}

export function startFeed(): void {
  stopFeed();
  feed.value = { status: "connecting" };
  attempt = 0;
  void open();
}

export function retryFeed(): void {
  if (feed.value.status !== "lost") return;
  stopFeed();
  void open();
}

export function stopFeed(): void {
  clearTimeout(retryTimer);
  const current = controller;
  controller = null;
  current?.abort();
}

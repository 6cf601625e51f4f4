/** Who is signed in. */
import { computed, signal } from "@preact/signals";
import * as calls from "../api/calls";
import { ApiError, installHooks } from "../api/client";
import type { Session } from "../api/types";
import { learnServerTime } from "./clock";
import { recall, remember } from "./prefs";
import { useSiteTimeZone } from "./time";

export type Standing = "asking" | "out" | "in";

export const session = signal<Session | null>(null);
export const standing = signal<Standing>("asking");
export const isAdministrator = computed(() => session.value?.role === "administrator");
/** Why the hub could not be asked who we are; shown instead of a sign-in page that could not work. */
export const askFailed = signal<ApiError | null>(null);
/** True when a session ended under the user's hands. */
export const ended = signal(false);

function adopt(next: Session | null): void {
  session.value = next;
  standing.value = next ? "in" : "out";
  if (next) {
    ended.value = false;
    useSiteTimeZone(next.time_zone);
  }
  remember("signedIn", next ? "1" : null);
}

/** Drops the session; also called when a request or the feed answers 401. */
export function sessionEnded(): void {
  if (standing.value !== "in") return;
  ended.value = true;
  adopt(null);
}

function onError(error: ApiError): void {
  if (error.code === "not_signed_in") sessionEnded();
  if (error.code === "password_change_required" && session.value && !session.value.must_change_password) {
    session.value = { ...session.value, must_change_password: true };
  }
}

/** Asks the hub only when this browser has signed in before, so that a first visit causes no failing request. */
export async function startSession(): Promise<void> {
  installHooks({ csrfToken: () => session.value?.csrf_token ?? null, onError, onAsOf: learnServerTime });
  if (recall("signedIn") === null) return adopt(null);
  standing.value = "asking";
  askFailed.value = null;
  try {
    adopt(await calls.getSession());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) adopt(null);
    else askFailed.value = error;
  }
}

export async function signIn(username: string, password: string): Promise<void> {
  adopt(await calls.signIn(username, password));
}

export async function changePassword(current: string, next: string): Promise<void> {
  adopt(await calls.changePassword(current, next));
}

export async function signOut(): Promise<void> {
  await calls.signOut();
  adopt(null);
}

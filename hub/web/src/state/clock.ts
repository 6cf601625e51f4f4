/** The hub's time: ages must be right even when this computer's clock is wrong. */
import { computed, signal } from "@preact/signals";

const SKEW_NOISE_MS = 1000;
let skewMs = 0;

/** Hub time in ms since the epoch, one step a second. */
export const now = signal(Date.now());

/** The full minute of `now`, for what need not look every second. */
export const minute = computed(() => Math.floor(now.value / 60_000) * 60_000);

export function hubNow(): number {
  return Date.now() + skewMs;
}

/** Learns the hub's clock from an answer; differences below a second are network delay. */
export function learnServerTime(asOf: string): void {
  const skew = Date.parse(asOf) - Date.now();
  if (Number.isNaN(skew) || Math.abs(skew - skewMs) < SKEW_NOISE_MS) return;
  skewMs = Math.abs(skew) < SKEW_NOISE_MS ? 0 : skew;
  now.value = hubNow();
}

export function startClock(): void {
  const tick = () => {
    now.value = hubNow();
    setTimeout(tick, 1000 - (hubNow() % 1000) + 5);
  };
  tick();
}

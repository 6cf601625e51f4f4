/** Joins bursts of calls into one. */

export interface Throttled {
  (): void;
  cancel: () => void;
}

/** Runs `action` `delayMs` after the first call of a burst, but never two runs within `gapMs`. */
export function throttle(action: () => void, delayMs: number, gapMs: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastRun = Number.NEGATIVE_INFINITY;
  const call = () => {
    if (timer !== undefined) return;
    const wait = Math.max(delayMs, lastRun + gapMs - Date.now());
    timer = setTimeout(() => {
      timer = undefined;
      lastRun = Date.now();
      action();
    }, wait);
  };
  const cancel = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  return Object.assign(call, { cancel });
}

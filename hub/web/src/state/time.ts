/** Times and ages as words, in the site's time zone once it is known, 24 h. */

const two = (value: number) => String(value).padStart(2, "0");

let clockFormat = makeFormat("clock");
let dateFormat = makeFormat("date");

function makeFormat(what: "clock" | "date", timeZone?: string): Intl.DateTimeFormat {
  // Swedish writes 2026-11-24 and 14:02:31, the forms that the pages use in every language.
  const parts: Intl.DateTimeFormatOptions = what === "clock" ? { timeStyle: "medium" } : { dateStyle: "short" };
  return new Intl.DateTimeFormat("sv-SE", { ...parts, timeZone });
}

/** Shows every time from now on in `timeZone`, an IANA name. */
export function useSiteTimeZone(timeZone: string): void {
  clockFormat = makeFormat("clock", timeZone);
  dateFormat = makeFormat("date", timeZone);
}

export function formatClock(ms: number): string {
  return clockFormat.format(ms);
}

export function formatDate(ms: number): string {
  return dateFormat.format(ms);
}

export function formatStamp(iso: string): string {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? iso : `${formatDate(ms)} ${formatClock(ms)}`;
}

/** `3 s`, `2 min`, then `14:02:31` on the same day, then `2026-11-24 14:02`. A time ahead of the clock counts as 0 s. */
export function formatAge(iso: string, nowMs: number): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso;
  const seconds = Math.max(0, Math.floor((nowMs - ms) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (formatDate(ms) === formatDate(nowMs)) return formatClock(ms);
  return `${formatDate(ms)} ${formatClock(ms).slice(0, 5)}`;
}

/** A span as `3 s`, `2 min 05 s`, `1 h 02 min`, `3 d 04 h`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${two(Math.floor(whole / 3600) % 24)} h`;
}

/** Whether something seen at `iso` is older than `limitS`. */
export function isStale(iso: string, nowMs: number, limitS: number): boolean {
  return nowMs - Date.parse(iso) > limitS * 1000;
}

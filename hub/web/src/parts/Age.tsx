/** How old something is, ticking by itself without rendering its parent. */
import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { type Key, t } from "../i18n/text";
import { minute, now } from "../state/clock";
import { formatAge, formatSpan, formatStamp } from "../state/time";

const HOUR_MS = 3_600_000;

/** Beyond an hour an age shows the time of day or the date, so 1,000 old rows need not be looked at every second. */
function age(at: string): string {
  const isOld = minute.value - Date.parse(at) >= HOUR_MS;
  return formatAge(at, isOld ? minute.value : now.value);
}

export function Age({ at }: { at: string }) {
  const text = useMemo(() => computed(() => age(at)), [at]);
  return (
    <time class="num" dateTime={at} title={formatStamp(at)}>
      {text}
    </time>
  );
}

/** The time passed since `at` as a span inside the words of `as`, which has the place `{age}`. */
export function Since({ at, as }: { at: string; as: Key }) {
  const text = useMemo(
    () => computed(() => t(as, { age: formatSpan((now.value - Date.parse(at)) / 1000) })),
    [at, as],
  );
  return (
    <span class="num" title={formatStamp(at)}>
      {text}
    </span>
  );
}

export function Stamp({ at }: { at: string }) {
  return (
    <time class="num" dateTime={at}>
      {formatStamp(at)}
    </time>
  );
}

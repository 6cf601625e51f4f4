/** How old something is, ticking by itself without rendering its parent. */
import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { type Key, t } from "../i18n/text";
import { now } from "../state/clock";
import { formatAge, formatSpan, formatStamp } from "../state/time";

export function Age({ at }: { at: string }) {
  const text = useMemo(() => computed(() => formatAge(at, now.value)), [at]);
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

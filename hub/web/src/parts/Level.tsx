/** The level of a case: colour, shape and word together, because colour alone is not enough. */
import { named, t } from "../i18n/text";

const SHAPES: Record<number, string> = {
  1: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z",
  2: "M8 2l7 12H1z",
  3: "M8 1l7 7-7 7-7-7z",
  4: "M5 1h6l4 4v6l-4 4H5l-4-4V5z",
};

export function Level({ level }: { level: number | null }) {
  const shape = level === null ? undefined : SHAPES[level];
  if (!shape) return <span class="level quiet">{t("level.none")}</span>;
  return (
    <span class={`level level-${level}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={shape} />
      </svg>
      {named("level", String(level))}
    </span>
  );
}

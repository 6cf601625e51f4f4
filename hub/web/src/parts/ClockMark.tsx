/** Says that a case's time cannot be trusted, because the box's clock was ahead of the hub's. */
import type { CaseSummary } from "../api/types";
import { t } from "../i18n/text";

export function ClockMark({ row }: { row: CaseSummary }) {
  if (!row.clock_ahead) return null;
  return (
    <span class="clock-mark" title={t("cases.clockWhy")}>
      ▲ {t("cases.clock")}
    </span>
  );
}

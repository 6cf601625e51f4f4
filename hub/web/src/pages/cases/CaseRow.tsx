/** One case in the list. */
import { evidenceUrl } from "../../api/calls";
import type { CaseSummary } from "../../api/types";
import { pick, t } from "../../i18n/text";
import { Age } from "../../parts/Age";
import { ClockMark } from "../../parts/ClockMark";
import { Level } from "../../parts/Level";
import { Photo } from "../../parts/Photo";
import { StageRail } from "../../parts/StageRail";
import { selected } from "../../state/cases";
import { casePath } from "../../state/router";

interface CaseRowProps {
  row: CaseSummary;
  /** Whether Tab enters the list at this row; the others are reached with J and K. */
  entry: boolean;
  isSelected: boolean;
  /** Whether it may have changed while the feed was away. */
  isDoubtful: boolean;
}

/** Reads no signal but the language, so a row is rendered only when its own props change. */
export function CaseRow({ row, entry, isSelected, isDoubtful }: CaseRowProps) {
  return (
    <a
      class={isDoubtful ? "case-row stale" : "case-row"}
      href={casePath(row.case_no)}
      data-case={row.case_no}
      tabIndex={entry ? 0 : -1}
      aria-current={isSelected ? "true" : undefined}
      onFocus={(event) => {
        if (event.currentTarget.matches(":focus-visible")) selected.value = row.case_no;
      }}
      onClick={() => {
        selected.value = row.case_no;
      }}
    >
      <Cover row={row} />
      <span class="cell-item">
        <b>{pick(row.item_zh, row.item_en)}</b>
        <span class="quiet num">{row.case_no}</span>
      </span>
      <span class="cell-level">
        <Level level={row.level} />
      </span>
      <span class="cell-camera clip" title={`${row.edge_id} / ${row.camera_id}`}>
        {pick(row.camera_name_zh, row.camera_name_en)}
      </span>
      <span class="cell-grid num quiet">{row.grid_code ?? t("fact.unknown")}</span>
      <span class="cell-stage">
        <StageRail stage={row.stage} />
        {row.cleared_at && <span class="cleared-mark">✓ {t("cases.cleared")}</span>}
      </span>
      <span class="cell-score num right">{row.score.toFixed(2)}</span>
      <span class="cell-age right">
        <Age at={row.opened_at} />
        <ClockMark row={row} />
      </span>
    </a>
  );
}

function Cover({ row }: { row: CaseSummary }) {
  const src = row.cover_sha256 && evidenceUrl(row.case_no, row.cover_sha256);
  return (
    <span class="thumb">
      <Photo src={src || null} alt="" none={t("cases.noPicture")} broken={t("cases.pictureWaiting")} />
    </span>
  );
}

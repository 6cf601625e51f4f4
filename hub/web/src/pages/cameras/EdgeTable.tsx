/** The boxes: last seen, clock, outbox. */
import type { EdgeBox } from "../../api/types";
import { t } from "../../i18n/text";
import { Age, Since } from "../../parts/Age";

/** Beyond this offset the times on the pictures cannot be trusted. */
const CLOCK_LIMIT_MS = 2000;

export function EdgeTable({ edges }: { edges: EdgeBox[] }) {
  return (
    <table class="edges">
      <thead>
        <tr>
          <th scope="col">{t("edges.col.id")}</th>
          <th scope="col">{t("edges.col.state")}</th>
          <th scope="col">{t("edges.col.seen")}</th>
          <th scope="col" class="right">
            {t("edges.col.clock")}
          </th>
          <th scope="col" class="right">
            {t("edges.col.outbox")}
          </th>
          <th scope="col" class="right">
            {t("edges.col.cameras")}
          </th>
          <th scope="col">{t("edges.col.software")}</th>
        </tr>
      </thead>
      <tbody>
        {edges.map((edge) => (
          <EdgeRow key={edge.edge_id} edge={edge} />
        ))}
      </tbody>
    </table>
  );
}

function EdgeRow({ edge }: { edge: EdgeBox }) {
  const box = edge.outbox;
  return (
    <tr class={edge.state === "offline" ? "stale" : ""}>
      <th scope="row" class="num" title={edge.boot_id}>
        {edge.edge_id}
      </th>
      <td data-label={t("edges.col.state")}>
        <span>
          <span class={`state state-${edge.state === "online" ? "live" : "offline"}`}>
            <i aria-hidden="true" />
            {t(`edge.${edge.state}`)}
          </span>{" "}
          <span class="quiet">
            <Since at={edge.since} as="cameras.for" />
          </span>
        </span>
      </td>
      <td data-label={t("edges.col.seen")}>
        <Age at={edge.last_seen_at} />
      </td>
      <td class="num right" data-label={t("edges.col.clock")}>
        {clockWords(edge.clock_offset_ms)}
      </td>
      <td class="num right" data-label={t("edges.col.outbox")}>
        <span>
          {box ? `${box.pending} / ${box.sent} / ${box.acked} / ${box.shed}` : t("fact.unknown")}
          {gapWords(edge.gaps) && (
            <span class="edge-gaps" title={t("edges.gapsWhy")}>
              ▲ {gapWords(edge.gaps)}
            </span>
          )}
        </span>
      </td>
      <td class="num right" data-label={t("edges.col.cameras")}>
        {edge.cameras}
      </td>
      <td class="num" data-label={t("edges.col.software")}>
        {edge.software ?? t("fact.unknown")}
      </td>
    </tr>
  );
}

/** The gaps that there are, or nothing to say. */
export function gapWords({ open, lost }: EdgeBox["gaps"]): string {
  const parts = [open > 0 && t("edges.gaps", { open }), lost > 0 && t("edges.lost", { lost })];
  return parts.filter(Boolean).join(" · ");
}

function clockWords(offsetMs: number | null): string {
  if (offsetMs === null) return t("fact.unknown");
  const figure = `${offsetMs > 0 ? "+" : ""}${Math.round(offsetMs)} ms`;
  return Math.abs(offsetMs) > CLOCK_LIMIT_MS ? `▲ ${figure} ${t("edges.clockBad")}` : figure;
}

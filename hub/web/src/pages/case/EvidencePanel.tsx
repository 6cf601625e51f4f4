/** The pictures of a case: before and after as a pair that zooms together, the others below. */
import { useSignal } from "@preact/signals";
import type { CaseDetail, Evidence } from "../../api/types";
import { t } from "../../i18n/text";
import { useKeys } from "../../state/keys";
import { EvidencePicture } from "./EvidencePicture";
import { NO_ZOOM, type Zoom, zoomToBox } from "./zoom";

/** The pair to compare, then the rest: first and last moment, or whatever there is. */
export function arrange(evidence: Evidence[]): { pair: Evidence[]; rest: Evidence[] } {
  const first = evidence.find((picture) => picture.role === "t0");
  const last = evidence.find((picture) => picture.role === "t1") ?? evidence.find((picture) => picture.role === "now");
  const chosen = [first, last].filter((picture) => picture !== undefined);
  const pair = chosen.length > 0 ? chosen : evidence.slice(0, 1);
  return { pair, rest: evidence.filter((picture) => !pair.includes(picture)) };
}

export function EvidencePanel({ found }: { found: CaseDetail }) {
  const zoom = useSignal<Zoom>(NO_ZOOM);
  const toggle = () => {
    zoom.value = zoom.value.scale === 1 ? zoomToBox(found.box) : NO_ZOOM;
  };
  useKeys({ z: toggle });
  const { pair, rest } = arrange(found.evidence);
  if (pair.length === 0) {
    return (
      <section class="evidence" aria-label={t("case.evidence")}>
        <h2>{t("case.evidence")}</h2>
        <p class="quiet">{t("case.noEvidence")}</p>
      </section>
    );
  }
  const zoomed = zoom.value.scale > 1;
  return (
    <section class="evidence" aria-label={t("case.evidence")}>
      <div class="evidence-head">
        <h2>{t("case.evidence")}</h2>
        <span class="quiet small">{t("case.zoomHint")}</span>
        <span class="spring" />
        <button type="button" aria-pressed={zoomed} onClick={toggle}>
          {t(zoomed ? "case.zoomOut" : "case.zoomIn")} <kbd>Z</kbd>
        </button>
      </div>
      <div class={pair.length > 1 ? "pair" : "pair single"}>
        {pair.map((picture) => (
          <EvidencePicture key={picture.role + picture.sha256} caseNo={found.case_no} picture={picture} zoom={zoom} />
        ))}
      </div>
      {rest.length > 0 && (
        <div class="strip">
          {rest.map((picture) => (
            <EvidencePicture key={picture.role + picture.sha256} caseNo={found.case_no} picture={picture} zoom={zoom} />
          ))}
        </div>
      )}
    </section>
  );
}

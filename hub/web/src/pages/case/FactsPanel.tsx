/** What is known about the case, and what the camera could not see. */
import type { ComponentChildren } from "preact";
import type { CaseDetail, Measure } from "../../api/types";
import { boxWords } from "../../i18n/box";
import { named, pick, t } from "../../i18n/text";
import { Stamp } from "../../parts/Age";
import { ClockMark } from "../../parts/ClockMark";
import { Level } from "../../parts/Level";
import { formatSpan } from "../../state/time";

export function FactsPanel({ found }: { found: CaseDetail }) {
  return (
    <section class="facts" aria-label={t("case.facts")}>
      <h2>{t("case.facts")}</h2>
      <dl>
        <ItemFacts found={found} />
        <PlaceFacts found={found} />
        <OriginFacts found={found} />
      </dl>
      <h2>{t("fact.measures")}</h2>
      <dl>
        {found.measures.map((measure, index) => (
          <MeasureFact key={index} measure={measure} />
        ))}
      </dl>
      <h2>{t("fact.limits")}</h2>
      {found.limits.length === 0 && <p class="quiet">{t("fact.noLimits")}</p>}
      <ul class="limits">
        {found.limits.map((limit, index) => (
          <li key={index}>{boxWords(limit)}</li>
        ))}
      </ul>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ItemFacts({ found }: { found: CaseDetail }) {
  return (
    <>
      <Fact name={t("fact.item")}>{pick(found.item_zh, found.item_en)}</Fact>
      <Fact name={t("fact.code")}>
        <span class="num">{found.item_code}</span>
      </Fact>
      <Fact name={t("fact.scheme")}>{found.scheme}</Fact>
      <Fact name={t("fact.level")}>
        <Level level={found.level} />
      </Fact>
      <Fact name={t("fact.score")}>
        <span class="num">{found.score.toFixed(2)}</span>
      </Fact>
    </>
  );
}

function PlaceFacts({ found }: { found: CaseDetail }) {
  const unknown = <span class="quiet">{t("fact.unknown")}</span>;
  return (
    <>
      <Fact name={t("fact.grid")}>{found.grid_code ? <span class="num">{found.grid_code}</span> : unknown}</Fact>
      <Fact name={t("fact.uncertainty")}>
        {found.uncertainty_m === null ? unknown : <span class="num">±{found.uncertainty_m.toFixed(1)} m</span>}
      </Fact>
      <Fact name={t("fact.camera")}>
        {pick(found.camera_name_zh, found.camera_name_en)} <span class="quiet num">{found.camera_id}</span>
      </Fact>
      <Fact name={t("fact.edge")}>
        <span class="num">{found.edge_id}</span>
      </Fact>
      <Fact name={t("fact.zone")}>
        <span class="num">{found.zone_id}</span>
      </Fact>
    </>
  );
}

function OriginFacts({ found }: { found: CaseDetail }) {
  return (
    <>
      <Fact name={t("fact.opened")}>
        <Stamp at={found.opened_at} /> <ClockMark row={found} />
      </Fact>
      <Fact name={t("fact.updated")}>
        <Stamp at={found.updated_at} />
      </Fact>
      {found.cleared_at && (
        <Fact name={t("fact.cleared")}>
          <Stamp at={found.cleared_at} />
        </Fact>
      )}
      <Fact name={t("fact.model")}>
        <span class="num">
          {found.model.name} {found.model.version}
        </span>
      </Fact>
      <Fact name={t("fact.config")}>
        <span class="num">{found.config_version}</span>
      </Fact>
    </>
  );
}

/** Up to two decimals, and two significant digits for what is smaller than that. */
function rounded(value: number): string {
  return String(Number(Math.abs(value) < 0.1 ? value.toPrecision(2) : value.toFixed(2)));
}

/** A measured figure with its unit; seconds read better as a span, shares of the picture as per cent. */
export function figure(value: number, unit: string): string {
  if (unit === "s" && value >= 60) return formatSpan(value);
  const shown = rounded(unit === "picture" ? value * 100 : value);
  return unit ? `${shown} ${named("unit", unit)}` : shown;
}

function MeasureFact({ measure }: { measure: Measure }) {
  const { value, unit, threshold } = measure;
  return (
    <Fact name={named("measure", measure.name)}>
      <span class="num">{figure(value, unit)}</span>
      <span class="quiet num threshold">
        {threshold === null ? t("fact.noThreshold") : t("fact.threshold", { value: figure(threshold, unit) })}
      </span>
    </Fact>
  );
}

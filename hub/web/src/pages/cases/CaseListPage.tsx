/** All cases, newest first, kept up to date by the feed. */
import { useEffect } from "preact/hooks";
import { t } from "../../i18n/text";
import { counted } from "../../parts/count";
import { Problem } from "../../parts/Problem";
import { filtered, list, load, phase, setFilter, total } from "../../state/cases";
import { query, replace } from "../../state/router";
import { CaseTable } from "./CaseTable";
import { failureOf } from "./failure";
import { FilterBar } from "./FilterBar";

export function CaseListPage() {
  const asked = query.value;
  useEffect(() => {
    setFilter({ stage: asked.get("stage") ?? "", item: asked.get("item") ?? "", q: asked.get("q") ?? "" });
  }, [asked]);
  const title = `${t("nav.cases")} ${counted(total.value)} · ${t("app.name")}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <div class="case-list-page">
      <FilterBar />
      <Body />
    </div>
  );
}

function Body() {
  const failure = failureOf();
  const empty = list.value.rows.length === 0;
  if (failure && empty) return <Problem title={t("cases.failed")} error={failure} retry={() => void load()} />;
  if (phase.value === "loading" && empty) return <Skeleton />;
  if (empty) return <Nothing />;
  return (
    <>
      {failure && <Problem title={t("cases.failed")} error={failure} retry={() => void load()} />}
      <CaseTable />
    </>
  );
}

function Nothing() {
  if (!filtered.value) {
    return (
      <div class="empty">
        <h2>{t("cases.empty.title")}</h2>
        <p class="quiet">{t("cases.empty.text")}</p>
      </div>
    );
  }
  return (
    <div class="empty">
      <h2>{t("cases.none.title")}</h2>
      <button type="button" onClick={() => replace("/cases")}>
        {t("cases.none.clear")}
      </button>
    </div>
  );
}

function Skeleton() {
  return (
    <div class="case-scroller" aria-busy="true" aria-label={t("app.loading")}>
      {Array.from({ length: 12 }, (_, index) => (
        <div key={index} class="case-row skeleton">
          <span class="thumb" />
          <span class="bone" />
          <span class="bone short" />
          <span class="bone" />
        </div>
      ))}
    </div>
  );
}


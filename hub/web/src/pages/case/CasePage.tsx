/** One case: its story, its evidence, its facts; prints as a case file. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { CaseDetail } from "../../api/types";
import { pick, t } from "../../i18n/text";
import { Level } from "../../parts/Level";
import { Problem } from "../../parts/Problem";
import { detail, detailFailure, followCase, loadCase } from "../../state/caseDetail";
import { neighbour } from "../../state/caseList";
import { filter, list, listPath, selected } from "../../state/cases";
import { now } from "../../state/clock";
import { feed } from "../../state/feed";
import { useKeys } from "../../state/keys";
import { casePath, go, replace } from "../../state/router";
import { formatStamp } from "../../state/time";
import { EvidencePanel } from "./EvidencePanel";
import { FactsPanel } from "./FactsPanel";
import { StoryPanel } from "./StoryPanel";

export function CasePage({ caseNo }: { caseNo: string }) {
  useEffect(() => followCase(caseNo), [caseNo]);
  useEffect(() => {
    document.title = `${caseNo} · ${t("app.name")}`;
  });
  const step = (by: number) => {
    const next = neighbour(list.peek().rows, caseNo, by);
    if (!next || next === caseNo) return;
    selected.value = next;
    replace(casePath(next));
  };
  useKeys({ j: () => step(1), k: () => step(-1), Escape: () => go(listPath(filter.peek())) });
  return <Body caseNo={caseNo} />;
}

function Body({ caseNo }: { caseNo: string }) {
  const found = detail.value;
  const failure = detailFailure.value;
  const retry = failure?.status === 404 ? {} : { retry: () => void loadCase(caseNo) };
  const problem = failure && feed.value.status !== "lost" && (
    <Problem title={t("case.failed", { caseNo })} error={failure} {...retry} />
  );
  if (!found || found.case_no !== caseNo) return <Waiting caseNo={caseNo}>{problem}</Waiting>;
  return (
    <article class={feed.value.status === "lost" ? "case-page stale" : "case-page"}>
      {problem}
      <CaseHead found={found} />
      <div class="case-columns">
        <StoryPanel found={found} />
        <EvidencePanel found={found} />
        <FactsPanel found={found} />
      </div>
    </article>
  );
}

function BackLink() {
  return (
    <a class="back" href={listPath(filter.value)} aria-label={t("case.back")}>
      ← {t("nav.cases")}
    </a>
  );
}

function CaseHead({ found }: { found: CaseDetail }) {
  return (
    <header class="case-title">
      <BackLink />
      <h1>
        <span class="print-only">
          {t("app.name")} · {t("case.file")} · {" "}
        </span>
        {pick(found.item_zh, found.item_en)} <span class="num quiet">{found.case_no}</span>
      </h1>
      <Level level={found.level} />
      {found.cleared_at && <span class="cleared-mark">✓ {t("cases.cleared")}</span>}
      <span class="spring" />
      <button type="button" onClick={() => print()}>
        {t("case.print")}
      </button>
      <p class="print-only num">{t("case.printed", { time: formatStamp(new Date(now.value).toISOString()) })}</p>
    </header>
  );
}

/** The page before its case is there: the problem that keeps it away, or a skeleton. */
function Waiting({ caseNo, children }: { caseNo: string; children: ComponentChildren }) {
  return (
    <div class="case-page" aria-busy={!children}>
      <header class="case-title">
        <BackLink />
        <h1 class="num">{caseNo}</h1>
      </header>
      {children || <Skeleton />}
    </div>
  );
}

function Skeleton() {
  return (
    <div class="case-columns skeleton">
      <div>
        <span class="bone" />
        <span class="bone short" />
        <span class="bone" />
      </div>
      <div class="bone-picture" />
      <div>
        <span class="bone" />
        <span class="bone" />
        <span class="bone short" />
      </div>
    </div>
  );
}

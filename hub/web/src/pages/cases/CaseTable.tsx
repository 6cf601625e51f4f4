/** The rows of the case list: scrolling, selection by keyboard, the pill for what is new. */
import { useEffect, useRef } from "preact/hooks";
import { t } from "../../i18n/text";
import { MAX_ROWS, neighbour } from "../../state/caseList";
import { canLoadMore, cursor, list, loadingMore, loadMore, phase, scrolled, selected, showWaiting } from "../../state/cases";
import { feed } from "../../state/feed";
import { useKeys } from "../../state/keys";
import { casePath, go } from "../../state/router";
import { CaseRow } from "./CaseRow";

const TOP_PX = 8;
const NEAR_END_PX = 600;

function useSelectionKeys(focusRow: (caseNo: string | null) => void, toTop: () => void): void {
  const move = (step: number) => {
    const next = neighbour(list.peek().rows, selected.peek(), step);
    selected.value = next;
    focusRow(next);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    r: () => {
      showWaiting();
      toTop();
    },
    Enter: () => {
      const caseNo = selected.peek();
      if (caseNo) go(casePath(caseNo));
    },
    Escape: () => {
      selected.value = null;
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    },
  });
}

export function CaseTable() {
  const scroller = useRef<HTMLDivElement>(null);
  const toTop = () => scroller.current?.scrollTo({ top: 0 });
  const focusRow = (caseNo: string | null) => {
    const row = caseNo && scroller.current?.querySelector<HTMLElement>(`[data-case="${CSS.escape(caseNo)}"]`);
    if (row) row.focus();
  };
  useSelectionKeys(focusRow, toTop);
  useEffect(() => focusRow(selected.peek()), []);
  useEffect(() => () => {
    scrolled.value = false;
  }, []);
  const onScroll = () => {
    const box = scroller.current;
    if (!box) return;
    scrolled.value = box.scrollTop > TOP_PX;
    if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX) void loadMore();
  };
  const applyNew = () => {
    showWaiting();
    toTop();
  };
  const isLoading = phase.value === "loading";
  const isOld = isLoading || feed.value.status === "lost";
  return (
    <div class={isOld ? "case-scroller stale" : "case-scroller"} aria-busy={isLoading} ref={scroller} onScroll={onScroll}>
      <Head />
      <Pill apply={applyNew} />
      <Rows />
      <End />
    </div>
  );
}

function Rows() {
  const { rows, doubtful } = list.value;
  const current = selected.value;
  const entry = neighbour(rows, current, 0);
  return (
    <ol class="case-rows">
      {rows.map((row) => (
        <li key={row.case_no}>
          <CaseRow row={row} entry={row.case_no === entry} isSelected={row.case_no === current} isDoubtful={doubtful.has(row.case_no)} />
        </li>
      ))}
    </ol>
  );
}

/** What the list does not show yet, and the way to see it. */
function Pill({ apply }: { apply: () => void }) {
  const { waiting, gap, doubtful } = list.value;
  if (waiting.length === 0 && doubtful.size === 0) return null;
  const count = gap ? `${waiting.length}+` : waiting.length;
  return (
    <button type="button" class="new-pill" onClick={apply}>
      {waiting.length > 0 ? `↑ ${t("cases.new", { count })}` : t("cases.doubtful", { count: doubtful.size })} <kbd>R</kbd>
    </button>
  );
}

function End() {
  if (!cursor.value) return null;
  if (!canLoadMore.value) return <p class="list-end quiet">{t("cases.enough", { count: MAX_ROWS })}</p>;
  return (
    <button type="button" class="more" disabled={loadingMore.value} onClick={() => void loadMore()}>
      {loadingMore.value ? t("app.loading") : t("cases.more")}
    </button>
  );
}

function Head() {
  return (
    <div class="case-row case-head" aria-hidden="true">
      <span />
      <span>{t("cases.col.item")}</span>
      <span>{t("cases.col.level")}</span>
      <span>{t("cases.col.camera")}</span>
      <span>{t("cases.col.grid")}</span>
      <span>{t("cases.col.stage")}</span>
      <span class="right">{t("cases.col.score")}</span>
      <span class="right">{t("cases.col.age")}</span>
    </div>
  );
}

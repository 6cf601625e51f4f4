/** The rows of the case list: scrolling, selection by keyboard, the pill for what is new. */
import { useEffect, useRef } from "preact/hooks";
import { t } from "../../i18n/text";
import { neighbour } from "../../state/caseList";
import { cursor, list, loadingMore, loadMore, scrolled, selected, showWaiting } from "../../state/cases";
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
  const { rows, waiting } = list.value;
  const applyNew = () => {
    showWaiting();
    toTop();
  };
  return (
    <div class={feed.value.status === "lost" ? "case-scroller stale" : "case-scroller"} ref={scroller} onScroll={onScroll}>
      <Head />
      {waiting.length > 0 && (
        <button type="button" class="new-pill" onClick={applyNew}>
          ↑ {t("cases.new", { count: waiting.length })} <kbd>R</kbd>
        </button>
      )}
      <ol class="case-rows">
        {rows.map((row, index) => (
          <li key={row.case_no}>
            <CaseRow row={row} entry={selected.value === null ? index === 0 : selected.value === row.case_no} />
          </li>
        ))}
      </ol>
      {cursor.value && (
        <button type="button" class="more" disabled={loadingMore.value} onClick={() => void loadMore()}>
          {loadingMore.value ? t("app.loading") : t("cases.more")}
        </button>
      )}
    </div>
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

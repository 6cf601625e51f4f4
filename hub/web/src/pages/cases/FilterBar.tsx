/** Search, item and stage filters of the case list, with counts; the filter lives in the address. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { CaseQuery } from "../../api/calls";
import { STAGES } from "../../api/types";
import { named, pick, t } from "../../i18n/text";
import { asOf, filter, list, listPath, stageCounts, total } from "../../state/cases";
import { useKeys } from "../../state/keys";
import { replace } from "../../state/router";
import { formatClock } from "../../state/time";

const TYPING_PAUSE_MS = 200;
const KNOWN_ITEMS = ["illegal_parking", "crowding", "litter", "tamper"];

function narrow(change: Partial<CaseQuery>): void {
  replace(listPath({ ...filter.peek(), ...change }));
}

export function FilterBar() {
  return (
    <div class="filter-bar">
      <h1 class="visually-hidden">{t("cases.title")}</h1>
      <div class="filter-line">
        <Search />
        <ItemFilter />
        <span class="spring" />
        <span class="quiet num" role="status">
          {t("cases.count", { total: total.value, shown: list.value.rows.length })}
          {asOf.value && ` · ${t("cases.asOf", { time: formatClock(Date.parse(asOf.value)) })}`}
        </span>
      </div>
      <StageFilter />
    </div>
  );
}

function Search() {
  const input = useRef<HTMLInputElement>(null);
  const typed = useSignal(filter.value.q);
  const timer = useRef(0);
  const q = filter.value.q;
  useEffect(() => {
    if (document.activeElement !== input.current) typed.value = q;
  }, [q]);
  useEffect(() => () => clearTimeout(timer.current), []);
  useKeys({
    "/": () => {
      input.current?.focus();
      input.current?.select();
    },
  });
  const onInput = (value: string) => {
    typed.value = value;
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => narrow({ q: value.trim() }), TYPING_PAUSE_MS);
  };
  return (
    <label class="search">
      <span class="visually-hidden">{t("cases.search")}</span>
      <input ref={input} type="search" placeholder={t("cases.search")} value={typed} onInput={(event) => onInput(event.currentTarget.value)} />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

/** The items known by name, those on the screen, and the one filtered by. */
function itemChoices(): Map<string, string> {
  const names = new Map(KNOWN_ITEMS.map((key) => [key, named("item", key)]));
  for (const row of list.value.rows) names.set(row.item_key, pick(row.item_zh, row.item_en));
  const chosen = filter.value.item;
  if (chosen && !names.has(chosen)) names.set(chosen, chosen);
  return names;
}

function ItemFilter() {
  return (
    <label>
      <span class="visually-hidden">{t("cases.item")}</span>
      <select value={filter.value.item} onChange={(event) => narrow({ item: event.currentTarget.value })}>
        <option value="">{t("cases.allItems")}</option>
        {[...itemChoices()].map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function StageFilter() {
  const counts = stageCounts.value;
  const sum = counts && STAGES.reduce((all, stage) => all + counts[stage], 0);
  const chosen = filter.value.stage;
  const choices = [{ stage: "", name: t("cases.all"), count: sum }];
  for (const stage of STAGES) choices.push({ stage, name: t(`stage.${stage}`), count: counts && counts[stage] });
  return (
    <div class="stage-filter" role="group" aria-label={t("cases.stage")}>
      {choices.map(({ stage, name, count }) => (
        <button key={stage} type="button" aria-pressed={chosen === stage} onClick={() => narrow({ stage })}>
          {name} <span class="num quiet">{count ?? "–"}</span>
        </button>
      ))}
    </div>
  );
}

/** Search, item and stage filters of the case list, with counts; the filter lives in the address. */
import type { CaseQuery } from "../../api/calls";
import { STAGES } from "../../api/types";
import { named, pick, t } from "../../i18n/text";
import { counted } from "../../parts/count";
import { SearchField } from "../../parts/SearchField";
import { asOf, filter, list, listPath, phase, stageCounts, total } from "../../state/cases";
import { replace } from "../../state/router";
import { formatClock } from "../../state/time";

const KNOWN_ITEMS = ["illegal_parking", "crowding", "litter", "tamper"];

function narrow(change: Partial<CaseQuery>): void {
  replace(listPath({ ...filter.peek(), ...change }));
}

export function FilterBar() {
  return (
    <div class="filter-bar">
      <h1 class="visually-hidden">{t("cases.title")}</h1>
      <div class="filter-line">
        <SearchField label={t("cases.search")} value={filter.value.q} onSearch={(q) => narrow({ q })} />
        <ItemFilter />
        <span class="spring" />
        <span class={phase.value === "loading" ? "quiet num stale" : "quiet num"} role="status">
          {t("cases.count", { total: counted(total.value), shown: list.value.rows.length })}
          {asOf.value && ` · ${t("cases.asOf", { time: formatClock(Date.parse(asOf.value)) })}`}
        </span>
      </div>
      <StageFilter />
    </div>
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
          {name} <span class="num quiet">{count === null || count === undefined ? "–" : counted(count)}</span>
        </button>
      ))}
    </div>
  );
}

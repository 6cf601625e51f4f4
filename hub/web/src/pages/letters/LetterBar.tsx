/** Title, filters, count, and the deeds on all letters that are shown; the filter lives in the address. */
import { useRef } from "preact/hooks";
import type { LetterQuery } from "../../api/calls";
import { named, t } from "../../i18n/text";
import { letterFilter, letters, lettersBusy, lettersPath, loadLetters, many } from "../../state/deadLetters";
import { useKeys } from "../../state/keys";
import { reasonChoices } from "../../state/letterRules";
import { replace } from "../../state/router";
import { formatClock } from "../../state/time";

export function narrow(change: Partial<LetterQuery>): void {
  replace(lettersPath({ ...letterFilter.peek(), ...change }));
}

export function LetterBar({ onAll }: { onAll: () => void }) {
  const known = letters.value;
  const nothing = !known || known.items.length === 0 || many.value?.running === true;
  return (
    <header class="page-head letter-bar">
      <h1>{t("letters.title")}</h1>
      <ReasonFilter />
      <EdgeFilter />
      {known && (
        <span class="quiet num" role="status">
          {t("letters.count", { total: known.total, shown: known.items.length })} ·{" "}
          {t("cases.asOf", { time: formatClock(known.asOfMs) })}
        </span>
      )}
      <span class="spring" />
      <button type="button" disabled={nothing} onClick={onAll}>
        {t("letters.replayAll")} <kbd>A</kbd>
      </button>
      <button type="button" disabled={lettersBusy.value} onClick={() => void loadLetters()}>
        {t("letters.reload")} <kbd>R</kbd>
      </button>
    </header>
  );
}

function ReasonFilter() {
  const chosen = letterFilter.value.reason;
  const counts = letters.value?.counts ?? {};
  const sum = Object.values(counts).reduce((all, count) => all + count, 0);
  return (
    <label>
      <span class="visually-hidden">{t("letters.reason")}</span>
      <select value={chosen} onChange={(event) => narrow({ reason: event.currentTarget.value })}>
        <option value="">
          {t("letters.allReasons")} ({sum})
        </option>
        {reasonChoices(counts, chosen).map(([reason, count]) => (
          <option key={reason} value={reason}>
            {named("refusal", reason)} ({count})
          </option>
        ))}
      </select>
    </label>
  );
}

/** Takes a whole id with Enter or on leaving the field: a part of one would mean no agent. */
function EdgeFilter() {
  const input = useRef<HTMLInputElement>(null);
  useKeys({
    "/": () => {
      input.current?.focus();
      input.current?.select();
    },
  });
  const edges = new Set(letters.value?.items.map((letter) => letter.edge_id).filter((edge) => edge !== null));
  return (
    <label class="search letter-search">
      <span class="visually-hidden">{t("letters.edge")}</span>
      <input
        ref={input}
        type="search"
        list="letter-edges"
        maxLength={63}
        placeholder={t("letters.edge")}
        value={letterFilter.value.edge_id}
        onChange={(event) => narrow({ edge_id: event.currentTarget.value.trim() })}
      />
      <kbd aria-hidden="true">/</kbd>
      <datalist id="letter-edges">
        {[...edges].map((edge) => (
          <option key={edge} value={edge} />
        ))}
      </datalist>
    </label>
  );
}

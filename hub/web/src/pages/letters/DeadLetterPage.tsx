/** The messages of boxes that the hub did not take, for the administrator, newest first. */
import { useEffect } from "preact/hooks";
import type { DeadLetter } from "../../api/types";
import { named, t } from "../../i18n/text";
import { Age } from "../../parts/Age";
import { counted } from "../../parts/count";
import { Problem } from "../../parts/Problem";
import { dropLetters, letterFailure, letters, lettersBusy, loadLetters, loadMoreLetters } from "../../state/deadLetters";
import { useKeys } from "../../state/keys";
import { formatClock } from "../../state/time";

export function DeadLetterPage() {
  useEffect(() => {
    void loadLetters();
    return dropLetters;
  }, []);
  useEffect(() => {
    document.title = `${t("nav.deadLetters")} · ${t("app.name")}`;
  });
  useKeys({ r: () => void loadLetters() });
  const failure = letterFailure.value;
  return (
    <div class="letter-page">
      <Heading />
      <p class="quiet">{t("letters.what")}</p>
      {failure && <Problem title={t("letters.failed")} error={failure} {...(failure.status === 403 ? {} : { retry: () => void loadLetters() })} />}
      <Letters />
    </div>
  );
}

function Heading() {
  const known = letters.value;
  const time = known && formatClock(known.asOfMs);
  return (
    <header class="page-head">
      <h1>{t("letters.title")}</h1>
      {known && time && (
        <span class="quiet num" role="status">
          {t("cases.count", { total: counted(known.total), shown: known.items.length })} · {t("cases.asOf", { time })}
        </span>
      )}
      <span class="spring" />
      <button type="button" disabled={lettersBusy.value} onClick={() => void loadLetters()}>
        {t("letters.reload")} <kbd>R</kbd>
      </button>
    </header>
  );
}

function Letters() {
  const known = letters.value;
  if (!known) return letterFailure.value ? null : <p class="quiet skeleton">{t("app.loading")}</p>;
  if (known.items.length === 0) return <p class="empty">{t("letters.empty")}</p>;
  return (
    <>
      <ol class="letters">
        {known.items.map((letter) => (
          <Letter key={letter.id} letter={letter} />
        ))}
      </ol>
      {known.cursor && (
        <button type="button" class="more" disabled={lettersBusy.value} onClick={() => void loadMoreLetters()}>
          {lettersBusy.value ? t("app.loading") : t("cases.more")}
        </button>
      )}
    </>
  );
}

function Letter({ letter }: { letter: DeadLetter }) {
  return (
    <li>
      <span class="letter-head">
        <b>{named("refusal", letter.reason)}</b>
        <span class="quiet num">{letter.edge_id ?? t("letters.noEdge")}</span>
        {letter.times > 1 && <span class="num">{t("letters.times", { count: letter.times })}</span>}
        <Age at={letter.received_at} />
      </span>
      <span>{letter.detail}</span>
      <details>
        <summary class="quiet num">
          {letter.topic} · {t("letters.size", { size: letter.size })}
        </summary>
        <pre>{letter.payload_excerpt}</pre>
      </details>
    </li>
  );
}

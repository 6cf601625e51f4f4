/** The messages of boxes that the hub did not take, for the administrator: look, replay, dismiss. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { named, t } from "../../i18n/text";
import { Confirm } from "../../parts/Confirm";
import { Problem } from "../../parts/Problem";
import {
  chosenLetter,
  deedFailure,
  dismissLetter,
  dropLetters,
  filterLetters,
  isOpen,
  letterFailure,
  letterFilter,
  letters,
  lettersBusy,
  loadLetters,
  loadMoreLetters,
  many,
  opened,
  replayAll,
  replayLetter,
  toggleLetter,
} from "../../state/deadLetters";
import { useKeys } from "../../state/keys";
import { letterAt } from "../../state/letterRules";
import { go, query } from "../../state/router";
import { LetterBar } from "./LetterBar";
import { LetterRow } from "./LetterRow";

export function DeadLetterPage() {
  const asked = query.value;
  useEffect(() => {
    filterLetters({ reason: asked.get("reason") ?? "", edge_id: asked.get("edge_id") ?? "" });
  }, [asked]);
  useEffect(() => dropLetters, []);
  useEffect(() => {
    document.title = `${t("nav.deadLetters")} · ${t("app.name")}`;
  });
  const asksAll = useSignal(false);
  const asksDismiss = useSignal(false);
  const onAll = () => {
    if (letters.peek()?.items.length && !many.peek()?.running) asksAll.value = true;
  };
  const onDismiss = () => {
    const id = chosenLetter.peek();
    if (id && isOpen(id)) asksDismiss.value = true;
  };
  useLetterKeys(onAll, onDismiss);
  const failure = letterFailure.value;
  return (
    <div class="letter-page">
      <LetterBar onAll={onAll} />
      <p class="quiet">{t("letters.what")}</p>
      {failure && <Problem title={t("letters.failed")} error={failure} {...(failure.status === 403 ? {} : { retry: () => void loadLetters() })} />}
      <ManyMark />
      <Letters onDismiss={onDismiss} />
      <Confirm
        open={asksAll}
        title={t("letters.all.title", { count: letters.value?.total ?? 0 })}
        text={`${filterWords()} ${t("letters.all.text")}`}
        action={t("letters.replay")}
        onConfirm={() => void replayAll()}
      />
      <Confirm
        open={asksDismiss}
        title={t("letters.dismiss.title")}
        text={t("letters.dismiss.text")}
        action={t("letters.dismiss")}
        onConfirm={() => withChosen(dismissLetter)}
      />
    </div>
  );
}

function withChosen(deed: (id: string) => Promise<void>): void {
  const id = chosenLetter.peek();
  if (id) void deed(id);
}

function useLetterKeys(onAll: () => void, onDismiss: () => void): void {
  const move = (step: number) => {
    const next = letterAt(letters.peek()?.items ?? [], chosenLetter.peek(), step);
    chosenLetter.value = next;
    if (next) document.getElementById(`letter-${next}`)?.focus();
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    Enter: () => withChosen(toggleLetter),
    p: () => withChosen(replayLetter),
    d: onDismiss,
    a: onAll,
    r: () => void loadLetters(),
    Escape: () => {
      if (opened.peek()) opened.value = null;
      else chosenLetter.value = null;
    },
  });
}

/** What the list is narrowed to, in words. */
function filterWords(): string {
  const { reason, edge_id } = letterFilter.value;
  const parts = [
    reason && t("letters.all.reason", { reason: named("refusal", reason) }),
    edge_id && t("letters.all.edge", { edge: edge_id }),
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(" ") : t("letters.all.every");
}

function ManyMark() {
  const sum = many.value;
  const failure = deedFailure.value;
  if (!sum) return null;
  const { taken, known, refused } = sum;
  return (
    <>
      <p class="letter-many num" role="status">
        <b>{t(sum.running ? "letters.many.running" : "letters.many.done")}</b> {t("letters.many.sum", { taken, known, refused })}
      </p>
      {failure && failure.id === null && <Problem title={t("letters.many.failed")} error={failure.error} retry={() => void replayAll()} />}
    </>
  );
}

function Letters({ onDismiss }: { onDismiss: () => void }) {
  const known = letters.value;
  if (!known) return letterFailure.value ? null : <Skeleton />;
  if (known.items.length === 0) return <Nothing />;
  const entry = letterAt(known.items, chosenLetter.value, 0);
  return (
    <>
      <ol class={lettersBusy.value ? "letters stale" : "letters"} aria-busy={lettersBusy.value}>
        {known.items.map((letter) => (
          <LetterRow key={letter.id} letter={letter} entry={letter.id === entry} onDismiss={onDismiss} />
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

function Nothing() {
  const { reason, edge_id } = letterFilter.value;
  if (!reason && !edge_id) return <p class="empty">{t("letters.empty")}</p>;
  return (
    <div class="empty">
      <h2>{t("letters.none")}</h2>
      <button type="button" onClick={() => go("/dead-letters")}>
        {t("cases.none.clear")}
      </button>
    </div>
  );
}

function Skeleton() {
  return (
    <div class="letters skeleton" aria-busy="true" aria-label={t("app.loading")}>
      {Array.from({ length: 8 }, (_, index) => (
        <div key={index} class="letter-row">
          <span class="bone" />
          <span class="bone short" />
          <span class="bone" />
        </div>
      ))}
    </div>
  );
}

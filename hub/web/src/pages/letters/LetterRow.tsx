/** One dead letter: a line, and when it is open what it says, what to do, and the deeds. */
import type { DeadLetter } from "../../api/types";
import { named, t } from "../../i18n/text";
import { Age } from "../../parts/Age";
import { Problem } from "../../parts/Problem";
import { chosenLetter, deedFailure, fates, isOpen, type LetterFate, opened, replayLetter, toggleLetter } from "../../state/deadLetters";
import { readable } from "../../state/letterRules";
import { narrow } from "./LetterBar";

interface LetterRowProps {
  letter: DeadLetter;
  /** Whether Tab enters the list at this row; the others are reached with J and K. */
  entry: boolean;
  onDismiss: () => void;
}

export function LetterRow({ letter, entry, onDismiss }: LetterRowProps) {
  const id = letter.id;
  const fate = fates.value.get(id);
  const expanded = opened.value?.id === id;
  const failure = deedFailure.value;
  return (
    <li class={isOpen(id) ? "" : "stale"} aria-current={chosenLetter.value === id ? "true" : undefined}>
      <button
        type="button"
        class="letter-row"
        id={`letter-${id}`}
        tabIndex={entry ? 0 : -1}
        aria-expanded={expanded}
        onFocus={() => (chosenLetter.value = id)}
        onClick={() => void toggleLetter(id)}
      >
        <b>{named("refusal", letter.reason)}</b>
        <span class="num clip">{letter.edge_id ?? t("letters.noEdge")}</span>
        <span class="quiet clip">{letter.topic}</span>
        <span class="num">{letter.times > 1 && t("letters.times", { count: letter.times })}</span>
        <span class="right">
          <Age at={letter.received_at} />
        </span>
      </button>
      {fate && (
        <p class="letter-fate" role="status">
          {fateWords(fate, letter)}
        </p>
      )}
      {failure?.id === id && <Problem title={t("letters.deedFailed")} error={failure.error} />}
      {expanded && <Open letter={letter} onDismiss={onDismiss} />}
    </li>
  );
}

export function fateWords(fate: LetterFate, letter: DeadLetter): string {
  return t(`fate.${fate}`, { reason: named("refusal", letter.reason) });
}

function Open({ letter, onDismiss }: { letter: DeadLetter; onDismiss: () => void }) {
  const edge = letter.edge_id;
  const payload = opened.value?.payload ?? null;
  const acts = isOpen(letter.id);
  return (
    <div class="letter-open">
      {letter.obstacle ? (
        <p>
          <b>{t("letters.cannot")}</b> {t(`obstacle.${letter.obstacle}`)}
        </p>
      ) : (
        <p>{named("advice", letter.reason)}</p>
      )}
      <p class="quiet">
        {t("letters.detail")} {letter.detail}
      </p>
      <p class="quiet num">
        {letter.topic} · {t("letters.size", { size: letter.size })}
      </p>
      <div class="letter-deeds">
        <button type="button" class="primary" disabled={!acts || letter.obstacle !== null} onClick={() => void replayLetter(letter.id)}>
          {t("letters.replay")} <kbd>P</kbd>
        </button>
        <button type="button" disabled={!acts} onClick={onDismiss}>
          {t("letters.dismiss")} <kbd>D</kbd>
        </button>
        {edge && (
          <button type="button" class="plain" onClick={() => narrow({ edge_id: edge })}>
            {t("letters.onlyEdge", { edge })}
          </button>
        )}
      </div>
      <pre tabIndex={0} aria-label={t("letters.payload")}>
        {readable(payload ?? letter.payload_excerpt)}
      </pre>
    </div>
  );
}

/** The six stages with their times, then every entry of the history. */
import { type CaseDetail, type HistoryEntry, STAGES, type Stage } from "../../api/types";
import { named, t } from "../../i18n/text";
import { Since, Stamp } from "../../parts/Age";

/** When the case last entered each stage. */
export function stageTimes(history: HistoryEntry[]): Partial<Record<Stage, string>> {
  const times: Partial<Record<Stage, string>> = {};
  for (const entry of history) if (entry.from_stage !== entry.to_stage) times[entry.to_stage] = entry.at;
  return times;
}

export function StoryPanel({ found }: { found: CaseDetail }) {
  const times = { found: found.opened_at, ...stageTimes(found.history) };
  const at = STAGES.indexOf(found.stage);
  return (
    <section class="story" aria-label={t("case.story")}>
      <h2>{t("case.story")}</h2>
      <ol class="rail">
        {STAGES.map((stage, index) => (
          <li key={stage} class={index < at ? "done" : index === at ? "here" : "ahead"} aria-current={index === at ? "step" : undefined}>
            <b>{t(`stage.${stage}`)}</b>
            <StageTime at={index <= at ? times[stage] : undefined} here={index === at} last={index === STAGES.length - 1} />
          </li>
        ))}
      </ol>
      <h2>{t("case.history")}</h2>
      <ol class="history">
        {found.history.map((entry) => (
          <Entry key={entry.seq} entry={entry} />
        ))}
      </ol>
    </section>
  );
}

function StageTime({ at, here, last }: { at: string | undefined; here: boolean; last: boolean }) {
  if (!at) return <span class="quiet">{t("stage.waiting")}</span>;
  return (
    <span class="quiet">
      <Stamp at={at} />
      {here && !last && (
        <span class="here-for">
          <Since at={at} as="stage.for" />
        </span>
      )}
    </span>
  );
}

function Entry({ entry }: { entry: HistoryEntry }) {
  const moved = entry.from_stage !== null && entry.from_stage !== entry.to_stage;
  return (
    <li>
      <span class="entry-head">
        <b>{named("action", entry.action)}</b> <Stamp at={entry.at} />
      </span>
      <span class="quiet">
        {entry.actor}
        {moved && entry.from_stage && ` · ${t(`stage.${entry.from_stage}`)} → ${t(`stage.${entry.to_stage}`)}`}
      </span>
      {entry.reason && <span>{entry.reason}</span>}
      {moved && !entry.reason && <span class="quiet">{t("case.noReason")}</span>}
      {entry.note && <span class="note">{entry.note}</span>}
    </li>
  );
}

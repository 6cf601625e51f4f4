/** The six stages as a row of small steps with the present one in words. */
import { STAGES, type Stage } from "../api/types";
import { t } from "../i18n/text";

export function StageRail({ stage }: { stage: Stage }) {
  const at = STAGES.indexOf(stage);
  const word = t(`stage.${stage}`);
  return (
    <span class="mini-rail" title={t("stage.step", { step: at + 1, stage: word })}>
      <span class="mini-steps" aria-hidden="true">
        {STAGES.map((step, index) => (
          <i key={step} class={index < at ? "done" : index === at ? "here" : ""} />
        ))}
      </span>
      <span class="mini-word">{word}</span>
    </span>
  );
}

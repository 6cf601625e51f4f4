/** An error as people need it: what failed, why, what to do now. */
import type { ApiError } from "../api/client";
import { named, t } from "../i18n/text";

export function explain(error: ApiError): string {
  const words = named("code", error.code, { detail: error.detail });
  return words === error.code ? t("code.other", { code: error.code, detail: error.detail }) : words;
}

interface ProblemProps {
  title: string;
  error: ApiError;
  retry?: () => void;
}

export function Problem({ title, error, retry }: ProblemProps) {
  return (
    <div class="problem" role="alert">
      <strong>
        <span aria-hidden="true">✕ </span>
        {title}
      </strong>
      <p>{explain(error)}</p>
      {retry && (
        <button type="button" onClick={retry}>
          {t("error.retry")}
        </button>
      )}
    </div>
  );
}

/** Change the password; forced while a one-time password is in use. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError } from "../api/client";
import { type Key, t } from "../i18n/text";
import { explain } from "../parts/Problem";
import { Toggles } from "../parts/TopBar";
import { changePassword, session, signOut } from "../state/session";

export const MIN_LENGTH = 12;

/** The first reason why the form cannot be sent, or null. */
export function obstacle(current: string, next: string, repeat: string): Key | null {
  if ([...next].length < MIN_LENGTH) return "password.tooShort";
  if (next === current) return "password.same";
  if (next !== repeat) return "password.differs";
  return null;
}

/** The hub answers with the code of a failed sign-in; here only the current password can be meant. */
function reason(error: ApiError): string {
  return error.code === "bad_credentials" ? t("password.currentWrong") : explain(error);
}

interface FieldProps {
  label: string;
  name: string;
  value: { value: string };
  shown: boolean;
  autocomplete: "current-password" | "new-password";
}

function Field({ label, name, value, shown, autocomplete }: FieldProps) {
  return (
    <label>
      {label}
      <input
        name={name}
        {...(shown ? { type: "text" as const } : { type: "password" as const })}
        autocomplete={autocomplete}
        value={value.value}
        onInput={(event) => (value.value = event.currentTarget.value)}
      />
    </label>
  );
}

function usePasswordForm() {
  const current = useSignal("");
  const next = useSignal("");
  const repeat = useSignal("");
  const busy = useSignal(false);
  const done = useSignal(false);
  const failure = useSignal<ApiError | null>(null);
  const blocked = obstacle(current.value, next.value, repeat.value);
  const attempt = async (action: () => Promise<void>) => {
    if (busy.value) return;
    busy.value = true;
    failure.value = null;
    done.value = false;
    try {
      await action();
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      failure.value = caught;
    } finally {
      busy.value = false;
    }
  };
  const save = async () => {
    await changePassword(current.value, next.value);
    done.value = true;
    current.value = next.value = repeat.value = "";
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!blocked) void attempt(save);
  };
  const leave = () => void attempt(signOut);
  return { current, next, repeat, busy, done, failure, blocked, submit, leave };
}

export function PasswordPage({ forced }: { forced: boolean }) {
  const form = usePasswordForm();
  const shown = useSignal(false);
  useEffect(() => {
    document.title = `${t("password.title")} · ${t("app.name")}`;
  });
  const count = [...form.next.value].length;
  return (
    <div class={forced ? "gate" : "gate inner"}>
      <form onSubmit={form.submit} aria-labelledby="gate-title">
        <h1 id="gate-title">{t("password.title")}</h1>
        {forced && <p>{t("password.forced")}</p>}
        <input type="text" name="username" autocomplete="username" value={session.value?.username ?? ""} hidden readOnly />
        <Field label={t("password.current")} name="current" value={form.current} shown={shown.value} autocomplete="current-password" />
        <Field label={t("password.new")} name="new" value={form.next} shown={shown.value} autocomplete="new-password" />
        <p class="quiet small num">{t("password.rule", { count })}</p>
        <Field label={t("password.repeat")} name="repeat" value={form.repeat} shown={shown.value} autocomplete="new-password" />
        <label class="inline">
          <input type="checkbox" checked={shown.value} onChange={(e) => (shown.value = e.currentTarget.checked)} />
          {t("password.show")}
        </label>
        {form.failure.value && (
          <p class="form-error" role="alert">
            <strong>{t("password.failed")}</strong> {reason(form.failure.value)}
          </p>
        )}
        {form.done.value && <p role="status">✓ {t("password.done")}</p>}
        <button type="submit" class="primary" disabled={form.busy.value || form.blocked !== null}>
          {form.busy.value ? t("password.busy") : t("password.submit")}
        </button>
        <p class="quiet small" aria-live="polite">
          {form.blocked && count > 0 ? t(form.blocked) : " "}
        </p>
      </form>
      {forced && (
        <p class="gate-toggles">
          <Toggles />
          <button type="button" class="plain" onClick={form.leave}>
            {t("top.signOut")}
          </button>
        </p>
      )}
    </div>
  );
}

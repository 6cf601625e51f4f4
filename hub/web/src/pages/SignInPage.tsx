/** Sign in; keeps what was typed when it fails. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError } from "../api/client";
import { t } from "../i18n/text";
import { explain } from "../parts/Problem";
import { Toggles } from "../parts/TopBar";
import { now } from "../state/clock";
import { recall, remember } from "../state/prefs";
import { ended, signIn } from "../state/session";

export function SignInPage() {
  const username = useSignal(recall("username") ?? "");
  const password = useSignal("");
  const busy = useSignal(false);
  const failure = useSignal<ApiError | null>(null);
  const blockedUntil = useSignal(0);
  useEffect(() => {
    document.title = `${t("signIn.title")} · ${t("app.name")}`;
  });

  const waitS = Math.max(0, Math.ceil((blockedUntil.value - now.value) / 1000));
  const missing = !username.value || !password.value;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (missing || busy.value || waitS > 0) return;
    busy.value = true;
    failure.value = null;
    try {
      await signIn(username.value, password.value);
      remember("username", username.value);
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      failure.value = caught;
      if (caught.retryAfterS) blockedUntil.value = now.value + caught.retryAfterS * 1000;
    } finally {
      busy.value = false;
    }
  };
  const blocked = waitS > 0 ? t("signIn.wait", { seconds: waitS }) : missing ? t("signIn.missing") : "";
  return (
    <div class="gate">
      <form onSubmit={(event) => void submit(event)} aria-labelledby="gate-title">
        <p class="gate-name">
          {t("app.name")} <span class="quiet">{t("app.subtitle")}</span>
        </p>
        <h1 id="gate-title">{t("signIn.title")}</h1>
        {ended.value && !failure.value && <p role="status">{t("code.not_signed_in")}</p>}
        <label>
          {t("signIn.username")}
          <input name="username" autocomplete="username" autocapitalize="none" spellcheck={false} autofocus value={username} onInput={(e) => (username.value = e.currentTarget.value)} />
        </label>
        <label>
          {t("signIn.password")}
          <input name="password" type="password" autocomplete="current-password" value={password} onInput={(e) => (password.value = e.currentTarget.value)} />
        </label>
        {failure.value && (
          <p class="form-error" role="alert">
            <strong>{t("signIn.failed")}</strong> {explain(failure.value)}
          </p>
        )}
        <button type="submit" class="primary" disabled={busy.value || blocked !== ""}>
          {busy.value ? t("signIn.busy") : t("signIn.submit")}
        </button>
        <p class="quiet small" aria-live="polite">
          {blocked || " "}
        </p>
        <p class="quiet small">{t("signIn.hint")}</p>
      </form>
      <p class="gate-toggles">
        <Toggles />
      </p>
    </div>
  );
}

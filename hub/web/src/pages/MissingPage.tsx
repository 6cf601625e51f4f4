/** An address that leads nowhere. */
import { t } from "../i18n/text";

export function MissingPage({ path }: { path: string }) {
  return (
    <div class="empty">
      <h1>{t("error.notFound.title")}</h1>
      <p>{t("error.notFound.text", { path })}</p>
      <a href="/cases">{t("error.notFound.go")}</a>
    </div>
  );
}

/** Name, pages, connection, clock, language, theme and the user's menu. */
import { computed } from "@preact/signals";
import { named, t } from "../i18n/text";
import { now } from "../state/clock";
import { feed } from "../state/feed";
import { lang, theme } from "../state/prefs";
import { route } from "../state/router";
import { isAdministrator, session } from "../state/session";
import { formatClock, formatDate } from "../state/time";
import { UserMenu } from "./UserMenu";

const clock = computed(() => formatClock(now.value));
const today = computed(() => formatDate(now.value));

export function TopBar({ onHelp }: { onHelp: () => void }) {
  const page = route.value.page;
  const here = (match: boolean) => (match ? { "aria-current": "page" as const } : {});
  return (
    <header class="top-bar">
      <a class="brand" href="/cases">
        {t("app.name")}
      </a>
      <nav aria-label={t("nav.pages")}>
        <a href="/cases" {...here(page === "cases" || page === "case")}>
          {t("nav.cases")}
        </a>
        <a href="/cameras" {...here(page === "cameras")}>
          {t("nav.cameras")}
        </a>
        {isAdministrator.value && (
          <a href="/dead-letters" {...here(page === "dead-letters")}>
            {t("nav.deadLetters")}
          </a>
        )}
      </nav>
      <span class="spring" />
      <FeedMark />
      <time class="top-clock num" title={t("top.clock")}>
        <span class="top-date">{today} </span>
        {clock}
      </time>
      <button type="button" class="plain wide-only" title={t("top.keys")} aria-label={t("top.keys")} onClick={onHelp}>
        ?
      </button>
      <Toggles />
      {session.value && <UserMenu session={session.value} role={named("role", session.value.role)} />}
    </header>
  );
}

function FeedMark() {
  const status = feed.value.status;
  return (
    <span class={`feed-mark ${status}`} role="status">
      <i aria-hidden="true" />
      {t(`feed.${status}`)}
    </span>
  );
}

/** Language and theme, also on the sign-in page. */
export function Toggles() {
  const next = theme.value === "dark" ? "light" : "dark";
  return (
    <>
      <button
        type="button"
        class="plain"
        lang={lang.value === "zh" ? "en" : "zh-CN"}
        title={t("top.language.hint")}
        aria-label={t("top.language.hint")}
        onClick={() => (lang.value = lang.value === "zh" ? "en" : "zh")}
      >
        {t("top.language")}
      </button>
      <button type="button" class="plain" onClick={() => (theme.value = next)}>
        {t(`top.theme.${next}`)}
      </button>
    </>
  );
}

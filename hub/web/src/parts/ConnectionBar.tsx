/** Says loudly that the page is cut off, since when and why. */
import { t } from "../i18n/text";
import { type FeedWhy, feed, retryFeed, SILENCE_S } from "../state/feed";
import { formatClock } from "../state/time";

function whyWords(why: FeedWhy): string {
  if (why.key === "refused") return t("feed.why.refused", { status: why.status });
  return t(`feed.why.${why.key}`, { seconds: SILENCE_S });
}

export function ConnectionBar() {
  const state = feed.value;
  if (state.status !== "lost") return null;
  return (
    <div class="connection-bar" role="alert">
      <span>
        <span aria-hidden="true">✕ </span>
        {t("feed.bar", { since: formatClock(state.sinceMs), why: whyWords(state.why) })}
      </span>
      <span>{t("feed.retry")}</span>
      <button type="button" onClick={retryFeed}>
        {t("feed.retryNow")}
      </button>
    </div>
  );
}

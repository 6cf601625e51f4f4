/** Whether a failed load is worth showing: while the feed is lost the connection bar already says it. */
import type { ApiError } from "../../api/client";
import { failure, list } from "../../state/cases";
import { feed } from "../../state/feed";

export function failureOf(): ApiError | null {
  const known = feed.value.status === "lost" && list.value.rows.length > 0;
  return known ? null : failure.value;
}

/** Numbers of rows as the hub counts them. */
import { COUNT_CAP } from "../api/types";

/** The number, or `10,000+` when the hub stopped counting. */
export function counted(count: number): string {
  return count >= COUNT_CAP ? `${(COUNT_CAP - 1).toLocaleString("en-US")}+` : String(count);
}

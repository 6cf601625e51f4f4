/** Addresses of the pages on the history API. */
import { computed, signal } from "@preact/signals";

export type Route =
  | { page: "cases" }
  | { page: "case"; caseNo: string }
  | { page: "cameras" }
  | { page: "dead-letters" }
  | { page: "password" }
  | { page: "missing"; path: string };

const PLAIN = ["cases", "cameras", "dead-letters", "password"] as const;

export function parsePath(path: string): Route {
  const parts = path.split("/").filter(Boolean);
  const [head, second] = parts;
  if (parts.length === 0) return { page: "cases" };
  if (parts.length === 1 && isPlain(head)) return { page: head };
  const caseNo = parts.length === 2 && head === "cases" && second ? decode(second) : null;
  return caseNo ? { page: "case", caseNo } : { page: "missing", path };
}

function isPlain(head: string | undefined): head is (typeof PLAIN)[number] {
  return PLAIN.some((page) => page === head);
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

export const casePath = (caseNo: string) => `/cases/${encodeURIComponent(caseNo)}`;

const address = signal({ path: "/", query: "" });

export const route = computed(() => parsePath(address.value.path));
export const query = computed(() => new URLSearchParams(address.value.query));

function read(): void {
  address.value = { path: location.pathname, query: location.search };
}

export function go(to: string): void {
  history.pushState(null, "", to);
  read();
}

export function replace(to: string): void {
  history.replaceState(null, "", to);
  read();
}

/** Whether a click should be left to the browser: new tab, download, other button, other site. */
function isForBrowser(event: MouseEvent, link: HTMLAnchorElement): boolean {
  if (event.defaultPrevented || event.button !== 0) return true;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return true;
  return link.target !== "" || link.origin !== location.origin || link.pathname.startsWith("/api/");
}

export function startRouter(): void {
  read();
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || isForBrowser(event, link)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

/** One function that talks to the hub, and the error that every failure becomes. */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Stable snake_case key of the problem document, or `network`, `timeout`, `server`. */
    readonly code: string,
    readonly detail: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(`${code}: ${detail}`);
  }
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

interface Hooks {
  csrfToken: () => string | null;
  onError: (error: ApiError) => void;
  onAsOf: (asOf: string) => void;
}

const TIMEOUT_MS = 15_000;
let hooks: Hooks = { csrfToken: () => null, onError: () => undefined, onAsOf: () => undefined };

/** Ties the client to the session and the clock without importing either. */
export function installHooks(installed: Hooks): void {
  hooks = installed;
}

export async function request<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  try {
    const response = await send(method, path, body, signal);
    const data = response.status === 204 ? undefined : await response.json();
    if (typeof data?.as_of === "string") hooks.onAsOf(data.as_of);
    return data as T;
  } catch (caught) {
    const error = caught instanceof ApiError ? caught : transportError(caught);
    hooks.onError(error);
    throw error;
  }
}

async function send(method: Method, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  const token = hooks.csrfToken();
  if (method !== "GET" && token) headers["X-CSRF-Token"] = token;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  init.signal = signal ? AbortSignal.any([signal, timeout]) : timeout;
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init);
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Reads an RFC 9457 problem, or says that the answer was none. */
export async function problemOf(response: Response): Promise<ApiError> {
  const retry = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const retryAfterS = Number.isFinite(retry) ? retry : null;
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as Record<"code" | "detail" | "title" | "error_id", unknown>;
    // An error that nobody foresaw says nothing but the id under which the hub logged it.
    const detail = String(problem.error_id ?? problem.detail ?? problem.title ?? "");
    if (typeof problem.code === "string") return new ApiError(response.status, problem.code, detail, retryAfterS);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return new ApiError(response.status, "server", `HTTP ${response.status}`, retryAfterS);
}

function transportError(caught: unknown): ApiError {
  const name = caught instanceof Error ? caught.name : "";
  if (name === "AbortError") return new ApiError(0, "aborted", "");
  if (name === "TimeoutError") return new ApiError(0, "timeout", `${TIMEOUT_MS / 1000} s`);
  if (caught instanceof SyntaxError) return new ApiError(0, "server", caught.message);
  return new ApiError(0, "network", caught instanceof Error ? caught.message : String(caught));
}

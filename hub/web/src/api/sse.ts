/**
 * A reader of text/event-stream over fetch. EventSource hides the hub's ping comments and the HTTP status,
 * so with it a half-open connection would look alive for ever and an ended session like a network fault.
 */

export interface SseMessage {
  event: string;
  data: string;
}

/** Feeds on chunks of text and returns the messages that each chunk completes. */
export class SseParser {
  private rest = "";
  private event = "";
  private data: string[] = [];

  push(chunk: string): SseMessage[] {
    const lines = (this.rest + chunk).split("\n");
    this.rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.line(line.endsWith("\r") ? line.slice(0, -1) : line));
  }

  private line(line: string): SseMessage[] {
    if (line === "") return this.flush();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    if (field === "data") this.data.push(value);
    return [];
  }

  private flush(): SseMessage[] {
    const message = { event: this.event || "message", data: this.data.join("\n") };
    const complete = this.data.length > 0;
    this.event = "";
    this.data = [];
    return complete ? [message] : [];
  }
}

export interface StreamHandlers {
  onOpen: () => void;
  onMessage: (message: SseMessage) => void;
  /** Anything at all arrived, pings included. */
  onBytes: () => void;
}

/** Reads until the stream ends, the signal aborts or the response is refused; the latter rejects with the response. */
export async function readStream(url: string, signal: AbortSignal, handlers: StreamHandlers): Promise<void> {
  const init: RequestInit = { headers: { Accept: "text/event-stream" }, cache: "no-store", signal };
  const response = await fetch(url, { ...init, credentials: "same-origin" });
  if (!response.ok || !response.body) throw response;
  handlers.onOpen();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    handlers.onBytes();
    for (const message of parser.push(decoder.decode(value, { stream: true }))) handlers.onMessage(message);
  }
}

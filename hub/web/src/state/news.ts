/** What the feed said and the list has not asked for yet; nothing is forgotten before the hub has answered. */

export interface Taken {
  /** Case numbers that events named. */
  named: Set<string>;
  /** Events may have been missed. */
  missed: boolean;
}

export class News {
  private named = new Set<string>();
  private missed = false;

  /** An event named this case. */
  touch(caseNo: string): void {
    this.named.add(caseNo);
  }

  /** The feed was away for a while. */
  miss(): void {
    this.missed = true;
  }

  isEmpty(): boolean {
    return this.named.size === 0 && !this.missed;
  }

  /** Hands over what is known; what comes from now on is the next round's. */
  take(): Taken {
    const taken = { named: this.named, missed: this.missed };
    this.named = new Set();
    this.missed = false;
    return taken;
  }

  /** Takes back a round that did not succeed. */
  giveBack(taken: Taken): void {
    for (const caseNo of taken.named) this.named.add(caseNo);
    this.missed ||= taken.missed;
  }

  clear(): void {
    this.take();
  }
}

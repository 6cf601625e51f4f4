/** The frame around every page: top bar, connection bar, the page, the key list. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useKeys } from "../state/keys";
import { go } from "../state/router";
import { isAdministrator } from "../state/session";
import { ConnectionBar } from "./ConnectionBar";
import { KeyHelp } from "./KeyHelp";
import { TopBar } from "./TopBar";

const helpOpen = signal(false);

export function Shell({ children }: { children: ComponentChildren }) {
  useKeys({
    "g c": () => go("/cases"),
    "g v": () => go("/cameras"),
    ...(isAdministrator.value ? { "g d": () => go("/dead-letters") } : {}),
    "?": () => {
      helpOpen.value = true;
    },
  });
  return (
    <div class="shell">
      <TopBar onHelp={() => (helpOpen.value = true)} />
      <ConnectionBar />
      <main>{children}</main>
      <KeyHelp open={helpOpen} />
    </div>
  );
}

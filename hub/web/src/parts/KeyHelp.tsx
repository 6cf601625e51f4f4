/** The list of keys, shown by `?`. */
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Key, t } from "../i18n/text";
import { isAdministrator } from "../state/session";

const ROWS: [string[], Key][] = [
  [["J", "K"], "keys.move"],
  [["Enter"], "keys.open"],
  [["/"], "keys.search"],
  [["R"], "keys.apply"],
  [["Z"], "keys.zoom"],
  [["P"], "keys.replay"],
  [["A"], "keys.replayAll"],
  [["D"], "keys.dismiss"],
  [["Esc"], "keys.escape"],
  [["G C"], "keys.goCases"],
  [["G V"], "keys.goCameras"],
  [["G D"], "keys.goDeadLetters"],
  [["?"], "keys.help"],
];

const FOR_ADMINISTRATORS: ReadonlySet<Key> = new Set(["keys.replay", "keys.replayAll", "keys.dismiss", "keys.goDeadLetters"]);

export function KeyHelp({ open }: { open: Signal<boolean> }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = open.value;
  useEffect(() => {
    if (shown) dialog.current?.showModal();
  }, [shown]);
  if (!shown) return null;
  const rows = ROWS.filter(([, words]) => !FOR_ADMINISTRATORS.has(words) || isAdministrator.value);
  return (
    <dialog ref={dialog} aria-labelledby="keys-title" onClose={() => (open.value = false)}>
      <h2 id="keys-title">{t("keys.title")}</h2>
      <dl class="keys">
        {rows.map(([keys, words]) => (
          <div key={words}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(words)}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">{t("keys.close")}</button>
      </form>
    </dialog>
  );
}

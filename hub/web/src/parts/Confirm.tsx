/** Asks before a deed that is large or cannot be undone: what will happen, do it, or leave it. */
import type { Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n/text";

interface ConfirmProps {
  open: Signal<boolean>;
  title: string;
  text: string;
  /** The word on the button that does it. */
  action: string;
  onConfirm: () => void;
}

export function Confirm({ open, title, text, action, onConfirm }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = open.value;
  // Before the next key: after the paint, a quick Enter would still go to the page behind.
  useLayoutEffect(() => {
    if (shown) dialog.current?.showModal();
  }, [shown]);
  if (!shown) return null;
  const onClose = () => {
    open.value = false;
    if (dialog.current?.returnValue === "do") onConfirm();
  };
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      <form method="dialog">
        <button type="submit" class="primary" value="do">
          {action}
        </button>
        <button type="submit" value="leave">
          {t("confirm.leave")}
        </button>
      </form>
    </dialog>
  );
}

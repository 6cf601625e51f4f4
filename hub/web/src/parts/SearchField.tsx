/** A search field that asks after a pause in typing, and never in the middle of an input method's composition. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useKeys } from "../state/keys";

const TYPING_PAUSE_MS = 200;
/** The hub refuses longer ones. */
const LONGEST = 100;

interface SearchFieldProps {
  label: string;
  value: string;
  onSearch: (words: string) => void;
}

export function SearchField({ label, value, onSearch }: SearchFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const typed = useSignal(value);
  const timer = useRef(0);
  useEffect(() => {
    if (document.activeElement !== input.current) typed.value = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  useKeys({
    "/": () => {
      input.current?.focus();
      input.current?.select();
    },
  });
  const take = (words: string, isComposing: boolean) => {
    typed.value = words;
    clearTimeout(timer.current);
    if (!isComposing) timer.current = window.setTimeout(() => onSearch(words.trim()), TYPING_PAUSE_MS);
  };
  return (
    <label class="search">
      <span class="visually-hidden">{label}</span>
      <input
        ref={input}
        type="search"
        maxLength={LONGEST}
        placeholder={label}
        value={typed}
        onInput={(event) => take(event.currentTarget.value, event.isComposing)}
        onCompositionEnd={(event) => take(event.currentTarget.value, false)}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

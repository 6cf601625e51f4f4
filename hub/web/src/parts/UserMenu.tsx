/** Who is signed in, and the way out. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "../api/client";
import type { Session } from "../api/types";
import { t } from "../i18n/text";
import { signOut } from "../state/session";
import { explain } from "./Problem";

export function UserMenu({ session, role }: { session: Session; role: string }) {
  const menu = useRef<HTMLDetailsElement>(null);
  const failure = useSignal<ApiError | null>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const inside = event.type === "click" && menu.current?.contains(event.target as Node);
      const otherKey = event instanceof KeyboardEvent && event.key !== "Escape";
      if (menu.current && !inside && !otherKey) menu.current.open = false;
    };
    addEventListener("click", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("click", close);
      removeEventListener("keydown", close);
    };
  }, []);
  const leave = () =>
    signOut().catch((caught: unknown) => {
      if (!(caught instanceof ApiError)) throw caught;
      failure.value = caught;
    });
  const name = session.display_name || session.username;
  return (
    <details class="user-menu" ref={menu}>
      <summary title={t("top.menu")}>{name}</summary>
      <div class="menu">
        <p>
          {name}
          <br />
          <span class="quiet">
            {session.username} · {role}
            {session.area_prefix && ` · ${session.area_prefix}`}
          </span>
        </p>
        <a href="/password" onClick={() => menu.current?.removeAttribute("open")}>
          {t("top.changePassword")}
        </a>
        <button type="button" class="plain" onClick={() => void leave()}>
          {t("top.signOut")}
        </button>
        {failure.value && <p role="alert">{explain(failure.value)}</p>}
      </div>
    </details>
  );
}

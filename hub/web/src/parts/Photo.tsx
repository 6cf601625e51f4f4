/** A picture that says in words when it cannot be shown, and tries again by itself. */
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/text";

const RETRY_MS = 15_000;

interface PhotoProps {
  src: string | null;
  alt: string;
  /** Words for a picture that does not exist. */
  none: string;
  /** Words for a picture that did not load. */
  broken: string;
  size?: { width: number; height: number };
}

export function Photo({ src, alt, none, broken, size }: PhotoProps) {
  const [failed, setFailed] = useState(false);
  useEffect(() => setFailed(false), [src]);
  useEffect(() => {
    if (!failed) return;
    const timer = setTimeout(() => setFailed(false), RETRY_MS);
    return () => clearTimeout(timer);
  }, [failed]);
  if (!src || failed) return <span class="photo-none">{src ? broken : none}</span>;
  return <img {...size} src={src} alt={alt} loading="lazy" decoding="async" draggable={false} onError={() => setFailed(true)} />;
}

/** What a case picture is of, for those who cannot see it. */
export function pictureAlt(what: string, stamp: string): string {
  return `${t("case.evidence")}: ${what}, ${stamp}`;
}

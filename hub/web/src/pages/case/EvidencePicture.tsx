/** One evidence picture with its moment, zoom by click and drag, and words while it is still on its way. */
import type { Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { evidenceUrl } from "../../api/calls";
import type { Evidence } from "../../api/types";
import { named, t } from "../../i18n/text";
import { Since } from "../../parts/Age";
import { Photo, pictureAlt } from "../../parts/Photo";
import { formatStamp } from "../../state/time";
import { drag, NO_ZOOM, type Zoom, zoomAt } from "./zoom";

const CLICK_SLACK_PX = 4;

interface EvidencePictureProps {
  caseNo: string;
  picture: Evidence;
  zoom: Signal<Zoom>;
}

export function EvidencePicture({ caseNo, picture, zoom }: EvidencePictureProps) {
  const what = named("evidence", picture.role);
  const stored = picture.state === "stored";
  const url = evidenceUrl(caseNo, picture.sha256);
  return (
    <figure>
      {stored ? <Frame url={url} what={what} picture={picture} zoom={zoom} /> : <Missing picture={picture} />}
      <figcaption>
        <b>{what}</b>
        <span class="quiet num">
          {formatStamp(picture.taken_at)} · <Since at={picture.taken_at} as="age.ago" />
        </span>
        {stored && (
          <a href={url} target="_blank" rel="noreferrer" class="screen-only">
            {t("case.original")}
          </a>
        )}
      </figcaption>
    </figure>
  );
}

const shape = (picture: Evidence) => ({ aspectRatio: `${picture.width || 16} / ${picture.height || 9}` });

/** A picture that is still on its way, or one that never will be. */
function Missing({ picture }: { picture: Evidence }) {
  const shed = picture.state === "shed";
  return (
    <div class={shed ? "frame pending shed" : "frame pending"} style={shape(picture)}>
      <b>{t(shed ? "case.shed" : "case.pending")}</b>
      <span>{t(shed ? "case.shedWhy" : "case.pendingWhy")}</span>
    </div>
  );
}

/** Pointer handlers that tell a click (zoom there, or back) from a drag (move the crop). */
function useZoomPointer(zoom: Signal<Zoom>) {
  const start = useRef<{ x: number; y: number; from: Zoom; moved: boolean } | null>(null);
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    start.current = { x: event.clientX, y: event.clientY, from: zoom.peek(), moved: false };
    if (zoom.peek().scale > 1) (event.currentTarget as Element).setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent) => {
    const began = start.current;
    if (!began || began.from.scale === 1) return;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const dx = event.clientX - began.x;
    const dy = event.clientY - began.y;
    began.moved ||= Math.hypot(dx, dy) > CLICK_SLACK_PX;
    if (began.moved) zoom.value = drag(began.from, dx / box.width, dy / box.height);
  };
  const onClick = (event: MouseEvent) => {
    const moved = start.current?.moved;
    start.current = null;
    if (moved) return;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const byKey = event.detail === 0;
    const x = byKey ? 0.5 : (event.clientX - box.left) / box.width;
    const y = byKey ? 0.5 : (event.clientY - box.top) / box.height;
    zoom.value = zoom.peek().scale > 1 ? NO_ZOOM : zoomAt(x, y);
  };
  const onPointerCancel = () => {
    start.current = null;
  };
  return { onPointerDown, onPointerMove, onPointerCancel, onClick };
}

interface FrameProps {
  url: string;
  what: string;
  picture: Evidence;
  zoom: Signal<Zoom>;
}

function Frame({ url, what, picture, zoom }: FrameProps) {
  const pointer = useZoomPointer(zoom);
  const { scale, x, y } = zoom.value;
  const zoomed = scale > 1;
  const crop = zoomed ? { transform: `scale(${scale})`, transformOrigin: `${x * 100}% ${y * 100}%` } : { transform: "none" };
  return (
    <button
      type="button"
      class={zoomed ? "frame zoomed" : "frame"}
      style={shape(picture)}
      aria-label={`${what}: ${t(zoomed ? "case.zoomOut" : "case.zoomIn")}`}
      {...pointer}
    >
      <span class="crop" style={crop}>
        <Photo src={url} alt={pictureAlt(what, formatStamp(picture.taken_at))} none="" broken={t("case.broken")} size={picture} />
      </span>
    </button>
  );
}

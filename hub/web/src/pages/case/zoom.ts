/** Where the evidence pictures are zoomed to; one state for all, so that before and after show the same crop. */
import type { Box } from "../../api/types";

export interface Zoom {
  scale: number;
  /** Fixed point of the scaling, in 0..1 of the picture. */
  x: number;
  y: number;
}

export const NO_ZOOM: Zoom = { scale: 1, x: 0.5, y: 0.5 };
const CLICK_SCALE = 2.5;
/** Part of the frame that the box fills after zooming. */
const BOX_FILL = 0.6;
const MAX_SCALE = 6;

const unit = (value: number) => Math.min(1, Math.max(0, value));

/** Zoom so that the point (x, y) of the picture comes as near to the middle as its edges allow. */
export function zoomAt(x: number, y: number, scale = CLICK_SCALE): Zoom {
  const fixed = (centre: number) => unit((centre * scale - 0.5) / (scale - 1));
  return { scale, x: fixed(x), y: fixed(y) };
}

/** Zoom to the finding's box, or to the middle when the case has none. */
export function zoomToBox(box: Box | null): Zoom {
  if (!box) return zoomAt(0.5, 0.5);
  const [x1, y1, x2, y2] = box;
  const scale = Math.min(MAX_SCALE, Math.max(1.5, BOX_FILL / Math.max(x2 - x1, y2 - y1, 0.01)));
  return zoomAt((x1 + x2) / 2, (y1 + y2) / 2, scale);
}

/** Moves the crop by a drag of (dx, dy), in 0..1 of the frame. */
export function drag(zoom: Zoom, dx: number, dy: number): Zoom {
  if (zoom.scale === 1) return zoom;
  const reach = zoom.scale - 1;
  return { scale: zoom.scale, x: unit(zoom.x - dx / reach), y: unit(zoom.y - dy / reach) };
}

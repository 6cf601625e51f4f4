/** One camera: its latest snapshot with age, its state in words, and why the picture is old when it is. */
import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { snapshotUrl } from "../../api/calls";
import type { Camera } from "../../api/types";
import { boxWords } from "../../i18n/box";
import { type Key, pick, t } from "../../i18n/text";
import { Age, Since } from "../../parts/Age";
import { Photo } from "../../parts/Photo";
import { trueState } from "../../state/cameraFilter";
import { STALE_S } from "../../state/cameras";
import { now } from "../../state/clock";
import { feed } from "../../state/feed";
import { isStale } from "../../state/time";

/** Why a snapshot is out of date, the cause nearest to the viewer first. */
export function staleReason(camera: Camera, feedLost: boolean): Key {
  if (feedLost) return "cameras.why.feed";
  if (camera.edge_state === "offline") return "cameras.why.edge";
  return camera.state === "live" ? "cameras.why.quiet" : `camera.${camera.state}`;
}

export function CameraTile({ camera }: { camera: Camera }) {
  const takenAt = camera.snapshot?.taken_at ?? null;
  const stale = useMemo(() => computed(() => takenAt !== null && isStale(takenAt, now.value, STALE_S)), [takenAt]);
  const lost = feed.value.status === "lost";
  const isOld = stale.value;
  const state = trueState(camera);
  const name = pick(camera.name_zh, camera.name_en);
  const src = camera.snapshot && snapshotUrl(camera, camera.snapshot.sha256);
  return (
    <li class={lost ? "camera stale unsure" : isOld ? "camera stale" : "camera"}>
      <div class="camera-picture">
        <Photo src={src} alt={name} none={t("cameras.noSnapshot")} broken={t("cameras.snapshotBroken")} />
        {takenAt && (
          <span class="camera-age">
            <Age at={takenAt} />
          </span>
        )}
      </div>
      <p class="camera-name">
        <b class="clip">{name}</b>
        <span class={`state state-${state}`}>
          <i aria-hidden="true" />
          {t(`camera.${state}`)}
        </span>
      </p>
      {takenAt && (isOld || lost) && <p class="camera-why">{t("cameras.stale", { why: t(staleReason(camera, lost)) })}</p>}
      {camera.reason && <p class="camera-why">{boxWords(camera.reason)}</p>}
      <CameraFigures camera={camera} />
    </li>
  );
}

function CameraFigures({ camera }: { camera: Camera }) {
  const running = camera.fps !== null && trueState(camera) === "live";
  return (
    <p class="quiet small num camera-figures">
      <Since at={camera.state_since} as="cameras.for" />
      <span>{running ? t("cameras.fps", { fps: camera.fps?.toFixed(1) ?? "" }) : t("cameras.noFps")}</span>
      <span>{t(`edge.${camera.edge_state}`)}</span>
      <span class="clip">
        {camera.edge_id} / {camera.camera_id}
      </span>
      {camera.grid_code && <span>{camera.grid_code}</span>}
    </p>
  );
}

/** The cameras that match the filter as tiles, a bounded number at a time. */
import { useSignal } from "@preact/signals";
import { t } from "../../i18n/text";
import { Problem } from "../../parts/Problem";
import { type CameraFilter, searchCameras, trueState } from "../../state/cameraFilter";
import { cameraFailure, cameras, loadCameras } from "../../state/cameras";
import { feed } from "../../state/feed";
import { CameraFilterBar } from "./CameraFilterBar";
import { CameraTile } from "./CameraTile";

/** Each tile loads a picture and watches the clock; a wall of 2,000 would stall the page. */
const TILES = 60;
const EVERYTHING: CameraFilter = { q: "", state: "" };

export function CameraWall() {
  const all = cameras.value;
  const failure = feed.value.status === "lost" && all ? null : cameraFailure.value;
  return (
    <>
      {failure && <Problem title={t("cameras.failed")} error={failure} retry={() => void loadCameras()} />}
      {!all && !failure && <Skeleton />}
      {all?.length === 0 && (
        <div class="empty">
          <h2>{t("cameras.empty.title")}</h2>
          <p class="quiet">{t("cameras.empty.text")}</p>
        </div>
      )}
      {all && all.length > 0 && <Tiles />}
    </>
  );
}

function Tiles() {
  const filter = useSignal(EVERYTHING);
  const limit = useSignal(TILES);
  const change = (next: CameraFilter) => {
    filter.value = next;
    limit.value = TILES;
  };
  const found = searchCameras(cameras.value ?? [], filter.value.q);
  const { state } = filter.value;
  const matching = state ? found.filter((camera) => trueState(camera) === state) : found;
  const hidden = matching.length - limit.value;
  return (
    <>
      <CameraFilterBar filter={filter.value} found={found} onChange={change} />
      {matching.length === 0 && <NoMatch clear={() => change(EVERYTHING)} />}
      <ul class="camera-grid">
        {matching.slice(0, limit.value).map((camera) => (
          <CameraTile key={`${camera.edge_id}/${camera.camera_id}`} camera={camera} />
        ))}
      </ul>
      {hidden > 0 && (
        <button type="button" class="more" onClick={() => (limit.value += TILES)}>
          {t("cameras.more", { count: Math.min(TILES, hidden), hidden })}
        </button>
      )}
    </>
  );
}

function NoMatch({ clear }: { clear: () => void }) {
  return (
    <div class="empty">
      <h2>{t("cameras.none")}</h2>
      <button type="button" onClick={clear}>
        {t("cases.none.clear")}
      </button>
    </div>
  );
}

function Skeleton() {
  return (
    <ul class="camera-grid skeleton" aria-busy="true" aria-label={t("app.loading")}>
      {Array.from({ length: 8 }, (_, index) => (
        <li key={index}>
          <div class="bone-picture" />
          <span class="bone short" />
        </li>
      ))}
    </ul>
  );
}

/** Every camera with its latest picture and how old that is, then the boxes behind them. */
import { useEffect } from "preact/hooks";
import { t } from "../../i18n/text";
import { Problem } from "../../parts/Problem";
import { cameraFailure, cameras, edgeFailure, edges, followCameras, loadCameras } from "../../state/cameras";
import { feed } from "../../state/feed";
import { CameraTile } from "./CameraTile";
import { EdgeTable } from "./EdgeTable";

export function CameraPage() {
  useEffect(() => followCameras(), []);
  useEffect(() => {
    document.title = `${t("nav.cameras")} · ${t("app.name")}`;
  });
  const all = cameras.value;
  const live = all?.filter((camera) => camera.state === "live" && camera.edge_state === "online").length ?? 0;
  return (
    <div class="camera-page">
      <header class="page-head">
        <h1>{t("cameras.title")}</h1>
        {all && <span class="quiet num">{t("cameras.count", { total: all.length, live })}</span>}
      </header>
      <Cameras />
      <h2>{t("edges.title")}</h2>
      <Edges />
    </div>
  );
}

function Cameras() {
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
      <ul class="camera-grid">
        {all?.map((camera) => (
          <CameraTile key={`${camera.edge_id}/${camera.camera_id}`} camera={camera} />
        ))}
      </ul>
    </>
  );
}

function Edges() {
  const all = edges.value;
  const failure = feed.value.status === "lost" && all ? null : edgeFailure.value;
  return (
    <>
      {failure && <Problem title={t("edges.failed")} error={failure} retry={() => void loadCameras()} />}
      {all?.length === 0 && <p class="quiet">{t("edges.empty")}</p>}
      {all && all.length > 0 && <EdgeTable edges={all} />}
    </>
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

/** Every camera with its latest picture and how old that is, then the boxes behind them. */
import { useEffect } from "preact/hooks";
import { t } from "../../i18n/text";
import { Problem } from "../../parts/Problem";
import { trueState } from "../../state/cameraFilter";
import { cameras, edgeFailure, edges, followCameras, loadCameras } from "../../state/cameras";
import { feed } from "../../state/feed";
import { CameraWall } from "./CameraWall";
import { EdgeTable } from "./EdgeTable";

export function CameraPage() {
  useEffect(() => followCameras(), []);
  useEffect(() => {
    document.title = `${t("nav.cameras")} · ${t("app.name")}`;
  });
  const all = cameras.value;
  const live = all?.filter((camera) => trueState(camera) === "live").length ?? 0;
  return (
    <div class="camera-page">
      <header class="page-head">
        <h1>{t("cameras.title")}</h1>
        {all && <span class="quiet num">{t("cameras.count", { total: all.length, live })}</span>}
      </header>
      <CameraWall />
      <h2>{t("edges.title")}</h2>
      <Edges />
    </div>
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

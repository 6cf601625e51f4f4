/** Search and state filter of the camera page, with counts. */
import type { Camera, CameraState } from "../../api/types";
import { t } from "../../i18n/text";
import { SearchField } from "../../parts/SearchField";
import { CAMERA_STATES, type CameraFilter, countStates } from "../../state/cameraFilter";

interface CameraFilterBarProps {
  filter: CameraFilter;
  /** The cameras that the search found, in any state. */
  found: Camera[];
  onChange: (filter: CameraFilter) => void;
}

export function CameraFilterBar({ filter, found, onChange }: CameraFilterBarProps) {
  const counts = countStates(found);
  const choose = (state: CameraFilter["state"]) => onChange({ ...filter, state });
  const present = CAMERA_STATES.filter((state) => counts.has(state) || filter.state === state);
  return (
    <div class="camera-filter">
      <SearchField label={t("cameras.search")} value={filter.q} onSearch={(q) => onChange({ ...filter, q })} />
      <div class="stage-filter" role="group" aria-label={t("edges.col.state")}>
        <Choice name={t("cases.all")} count={found.length} chosen={filter.state === ""} choose={() => choose("")} />
        {present.map((state: CameraState) => (
          <Choice key={state} name={t(`camera.${state}`)} count={counts.get(state) ?? 0} chosen={filter.state === state} choose={() => choose(state)} />
        ))}
      </div>
    </div>
  );
}

interface ChoiceProps {
  name: string;
  count: number;
  chosen: boolean;
  choose: () => void;
}

function Choice({ name, count, chosen, choose }: ChoiceProps) {
  return (
    <button type="button" aria-pressed={chosen} onClick={choose}>
      {name} <span class="num quiet">{count}</span>
    </button>
  );
}

/** Chooses what to show: sign-in, the forced password change, or a page inside the shell. */
import { useEffect } from "preact/hooks";
import { t } from "./i18n/text";
import { CameraPage } from "./pages/cameras/CameraPage";
import { CasePage } from "./pages/case/CasePage";
import { CaseListPage } from "./pages/cases/CaseListPage";
import { DeadLetterPage } from "./pages/letters/DeadLetterPage";
import { MissingPage } from "./pages/MissingPage";
import { PasswordPage } from "./pages/PasswordPage";
import { SignInPage } from "./pages/SignInPage";
import { Problem } from "./parts/Problem";
import { Shell } from "./parts/Shell";
import { followCases } from "./state/cases";
import { startFeed, stopFeed } from "./state/feed";
import { route } from "./state/router";
import { askFailed, session, standing, startSession } from "./state/session";

export function App() {
  if (standing.value === "asking") return <Asking />;
  if (standing.value === "out") return <SignInPage />;
  if (session.value?.must_change_password) return <PasswordPage forced />;
  return <SignedIn />;
}

function Asking() {
  const failure = askFailed.value;
  if (!failure) return <p class="quiet pad">{t("app.loading")}</p>;
  return <Problem title={t("signIn.failed")} error={failure} retry={() => void startSession()} />;
}

function SignedIn() {
  useEffect(() => {
    const unfollow = followCases();
    startFeed();
    return () => {
      stopFeed();
      unfollow();
    };
  }, []);
  return (
    <Shell>
      <Page />
    </Shell>
  );
}

function Page() {
  const at = route.value;
  if (at.page === "cases") return <CaseListPage />;
  if (at.page === "case") return <CasePage key={at.caseNo} caseNo={at.caseNo} />;
  if (at.page === "cameras") return <CameraPage />;
  if (at.page === "dead-letters") return <DeadLetterPage />;
  if (at.page === "password") return <PasswordPage forced={false} />;
  return <MissingPage path={at.path} />;
}

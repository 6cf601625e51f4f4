/** Starts the page. */
import { render } from "preact";
import { App } from "./app";
import { startClock } from "./state/clock";
import { startKeys } from "./state/keys";
import { startPrefs } from "./state/prefs";
import { startRouter } from "./state/router";
import { startSession } from "./state/session";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/forms.css";
import "./styles/marks.css";
import "./styles/cases.css";
import "./styles/case.css";
import "./styles/cameras.css";
import "./styles/letters.css";
import "./styles/print.css";

startPrefs();
startClock();
startRouter();
startKeys();
void startSession();

const root = document.getElementById("app");
if (!root) throw new Error("index.html has no element with id app");
render(<App />, root);

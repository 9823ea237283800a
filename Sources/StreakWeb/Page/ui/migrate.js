// The days of this device go into an account that has data: first the plan, with what matches and
// what conflicts; then exactly that plan, or nothing.

import { normalisedName } from "../modules/habit.js";
import { h } from "./dom.js";
import { head } from "./frame.js";
import { dayText, t } from "./i18n.js";
import { sentence } from "./sentences.js";
import { accountsOf, syncNow } from "./service.js";

/** Days of a conflict that are named. */
const daysShown = 5;

const planHabits = async (app) => {
  const { local } = app;
  local.failure = "";
  try {
    const accounts = await accountsOf(app);
    // The account's habits must be here, so that a habit can be paired with one of them.
    if (!app.view.account.syncedAt) await syncNow(app);
    const { preview, session } = await accounts.previewMigration(local.habitMap ?? []);
    Object.assign(local, { plan: preview, session });
  } catch (error) {
    local.failure = sentence(error);
  }
  app.view = await app.client.view();
  app.draw();
};

const migrate = async (app) => {
  const { local } = app;
  Object.assign(local, { isWorking: true, failure: "" });
  app.draw();
  try {
    const accounts = await accountsOf(app);
    await accounts.migrate({ habitMap: local.habitMap ?? [], planHash: local.plan.planHash, session: local.session });
    app.tell(t("migrate.done"));
    app.go("today");
    return;
  } catch (error) {
    if (error.reason === "PLAN_CHANGED") {
      local.isChanged = true;
      local.isWorking = false;
      await planHabits(app);
      return;
    }
    local.failure = sentence(error);
  }
  local.isWorking = false;
  app.draw();
};

const pair = (app, captured, habitId) => {
  const { local } = app;
  local.habitMap = [...(local.habitMap ?? []).filter(([id]) => id !== captured), [captured, habitId]];
  planHabits(app);
};

const one = (app, found, names) => {
  // Two habits that are brought together by name keep the smaller id: it may be the session's.
  const sameName = () => app.view.habits.find((habit) => normalisedName(habit.name) === normalisedName(found.name))?.id;
  const isOwn = found.match === "HABIT_MATCH_NEW" || found.match === undefined;
  const target = isOwn || found.habitId !== found.capturedHabitId ? found.habitId : (sameName() ?? found.habitId);
  const id = `into-${found.capturedHabitId}`;
  const before = found.before?.current ?? 0;
  const line = (key, count, more = "") => count > 0 && h("li", { key, "data-test": key }, t(key, { count }), more);
  return h("section", { class: "card", key: found.capturedHabitId, "data-test": "planned", "data-match": found.match },
    h("div", { class: "field" }, h("label", { for: id }, t("migrate.into", { name: names.get(found.capturedHabitId) ?? found.name })),
      h("select", { id, value: target, onchange: (event) => pair(app, found.capturedHabitId, event.target.value) },
        h("option", { value: found.capturedHabitId, key: "new" }, t("migrate.new")),
        app.view.habits.filter((habit) => habit.id !== found.capturedHabitId).map((habit) => h("option", { value: habit.id, key: habit.id }, habit.name)))),
    h("ul", { class: "small" },
      line("migrate.daysNew", found.daysNew ?? 0), line("migrate.daysSame", found.daysSame ?? 0), line("migrate.daysConflicting", found.daysConflicting?.length ?? 0, ` (${(found.daysConflicting ?? []).slice(0, daysShown).map((day) => dayText(day, { dateStyle: "medium" })).join("; ")})`),
      h("li", { key: "streak", "data-test": "migrate.streak" }, t("migrate.streak", { before, after: found.after?.current ?? 0 }))));
};

export const page = (app) => {
  const { local, view } = app;
  const title = head(app, t("migrate.title"));
  if (!view?.account?.isSignedIn || !view.session) return [title, h("p", {}, t("migrate.none"))];
  if (!local.isAsked) {
    local.isAsked = true;
    planHabits(app);
  }
  const { plan } = local;
  const names = new Map((local.session?.captured.habits ?? []).map(({ habit }) => [habit.id, habit.name]));
  const quarantined = (plan?.quarantined ?? []).reduce((sum, { days }) => sum + days.length, 0);
  return [
    title,
    h("p", { class: "soft", key: "text" }, t("migrate.text")),
    local.isChanged && h("p", { class: "notice", role: "status", key: "changed" }, t("migrate.changed")),
    local.failure && h("p", { class: "notice wrong", role: "alert", key: "failure", "data-test": "failure" }, local.failure),
    !plan && !local.failure && h("p", { role: "status", key: "wait" }, t("working")),
    ...(plan?.habits ?? []).map((found) => one(app, found, names)),
    quarantined > 0 && h("p", { key: "quarantined", "data-test": "quarantined" }, t("migrate.quarantined", { count: quarantined })),
    plan?.rejected?.length > 0 && h("p", { key: "rejected" }, t("migrate.rejected", { count: plan.rejected.length })),
    h("div", { class: "buttons", key: "buttons" },
      h("button", { type: "button", class: "button first", disabled: !plan || Boolean(local.isWorking), "data-test": "migrate", onclick: () => migrate(app) }, t(local.isWorking ? "working" : "migrate.button")),
      h("a", { class: "button", href: "#/" }, t("migrate.later"))),
  ];
};

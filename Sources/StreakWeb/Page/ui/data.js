// Export and import. An export is offered when it has been checked; an import says what it will do
// before it does it.

import { isoDay } from "../modules/day.js";
import { h } from "./dom.js";
import { head } from "./frame.js";
import { dayText, t } from "./i18n.js";
import { sentence } from "./sentences.js";
import { callsOf, importWhole, syncNow } from "./service.js";

/** Lines of remarks that are shown at first. */
const remarksShown = 50;

const failureOf = (failure) => failure && h("p", { class: "notice wrong", role: "alert", "data-test": "failure" }, failure);

// MARK: export

const makeExport = async (app) => {
  const { local } = app;
  Object.assign(local, { isExporting: true, exportFailure: "", exported: undefined });
  app.draw();
  try {
    let [bytes, count] = [];
    if (app.view.account?.isSignedIn) {
      // What waits belongs to it.
      await syncNow(app);
      const { exportEverything } = await import("../modules/export.js");
      ({ bytes, count } = await exportEverything(await callsOf(app), app.view.account.userId));
    } else {
      const { localDocument } = await import("../modules/document.js");
      const made = localDocument(app.view);
      [bytes, count] = [new TextEncoder().encode(made.text), made.count];
    }
    if (local.url) URL.revokeObjectURL(local.url);
    local.url = URL.createObjectURL(new Blob([bytes], { type: "application/json" }));
    local.exported = { count, name: `streak-${isoDay(app.view.here)}.json` };
  } catch (error) {
    local.exportFailure = error.name === "DocumentError" ? t("data.export.damaged", { message: error.message }) : sentence(error);
  }
  local.isExporting = false;
  app.draw();
};

const exportCard = (app) => {
  const { local } = app;
  return h("section", { class: "card", key: "export", "data-test": "export" }, h("h2", {}, t("data.export")),
    h("p", { class: "soft" }, t("data.export.text"), app.view.account ? "" : ` ${t("data.export.local")}`),
    failureOf(local.exportFailure),
    h("div", { role: "status" }, local.exported && h("p", { "data-test": "exported" }, t("data.export.ready", { count: local.exported.count }))),
    h("div", { class: "buttons" },
      !local.exported && h("button", { type: "button", class: "button first", key: "make", disabled: Boolean(local.isExporting), "data-test": "make-export", onclick: () => makeExport(app) }, t(local.isExporting ? "working" : "data.export.button")),
      local.exported && h("a", { class: "button first", key: "save", href: local.url, download: local.exported.name, "data-test": "save-export" }, t("data.export.save", { name: local.exported.name }))));
};

// MARK: import

const failureText = (error) => (error.name === "ImportError" ? t(error.key, error.values) : sentence(error));

/** Reads the chosen file with what the person has answered, and finds out what an import would do. */
const prepare = async (app, answer) => {
  const { local } = app;
  Object.assign(local, { importFailure: "", plan: undefined, question: undefined, isImported: false, areAllShown: false, answers: { ...local.answers, ...answer } });
  try {
    const [{ fileBytesMax, readHistory, ImportError }, { previewImport }] = await Promise.all([import("../import/readers.js"), import("../import/record.js")]);
    if (local.file.size > fileBytesMax) throw new ImportError("import.tooLarge");
    const bytes = new Uint8Array(await local.file.arrayBuffer());
    const history = readHistory(bytes, { name: local.file.name, clock: app.clock, ...local.answers });
    const report = await previewImport(app.store, app.clock, history);
    // A document of this service goes into an empty account as it is, by the server.
    const isWhole = history.kind === "own" && app.view.account?.isSignedIn && app.view.habits.length === 0;
    local.plan = { history, report, bytes, isWhole };
  } catch (error) {
    if (error.question) local.question = error;
    else local.importFailure = failureText(error);
  }
  app.draw();
};

const carryOut = async (app) => {
  const { local } = app;
  const { history, bytes, isWhole } = local.plan;
  Object.assign(local, { isImporting: true, importFailure: "" });
  app.draw();
  try {
    if (isWhole) {
      await importWhole(app, bytes);
      await syncNow(app);
    } else {
      const { importHistory } = await import("../import/record.js");
      await importHistory(app.store, app.clock, history);
      app.wake();
    }
    Object.assign(local, { plan: undefined, isImported: true });
  } catch (error) {
    // A document that is not the service's own any more can still be entered day by day.
    if (isWhole && ["IMPORT_CORRUPT", "ACCOUNT_NOT_EMPTY", "IMPORT_UNREADABLE"].includes(error.reason)) local.plan.isWhole = false;
    local.importFailure = failureText(error);
  }
  local.isImporting = false;
  app.view = await app.client.view();
  app.draw();
};

const remarkText = ({ key, reason, habit, day, place, detail, values }) => {
  const about = [habit, day === undefined ? place : dayText(day, { dateStyle: "medium" })].filter(Boolean).join(", ");
  const text = reason ? t(`error.${reason}`) : t(`remark.${key}`, values);
  return `${about ? `${about}: ` : ""}${text}${detail ? ` (${detail})` : ""}`;
};

/** The first remarks, and the others when they are opened: there may be very many. */
const remarksOf = (app, remarks) => {
  const { local } = app;
  const lines = (some) => h("ul", { class: "small" }, some.map((remark, index) => h("li", { key: index }, remarkText(remark))));
  const more = remarks.length - remarksShown;
  return remarks.length > 0 && h("details", { open: remarks.length < 6, "data-test": "remarks" }, h("summary", {}, t("data.import.remarks")), lines(remarks.slice(0, remarksShown)),
    more > 0 && h("details", { "data-test": "more-remarks", ontoggle: ({ target }) => {
      if (!target.open || local.areAllShown) return;
      local.areAllShown = true;
      app.draw();
    } }, h("summary", {}, t("data.import.more", { count: more })), local.areAllShown && lines(remarks.slice(remarksShown))));
};

const planCard = (app) => {
  const { local } = app;
  const { history, report, isWhole } = local.plan;
  const line = (key, count) => count > 0 && h("li", { key, "data-test": key }, t(key, { count }));
  const remarks = isWhole ? [] : [...history.remarks, ...report.remarks];
  const kind = t(`import.kind.${history.kind}`);
  return h("section", { class: "card", key: "plan", "data-test": "import-plan" },
    h("h2", {}, kind === `import.kind.${history.kind}` ? history.kind : kind),
    isWhole && h("p", {}, t("data.import.wholeText")),
    h("ul", {}, line("data.import.habits", report.habits), line("data.import.days", report.days), line("data.import.known", report.known), !isWhole && line("data.import.counts", report.counting), line("data.import.refused", report.refused)),
    remarksOf(app, remarks),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "button", onclick: () => { local.plan = undefined; app.draw(); } }, t("cancel")),
      h("button", { type: "button", class: "button first", disabled: Boolean(local.isImporting), "data-test": "carry-out", onclick: () => carryOut(app) }, t(local.isImporting ? "working" : isWhole ? "data.import.whole" : "data.import.button"))));
};

const orderQuestion = (app, { example }) => {
  const orders = ["dayFirst", "monthFirst", ...(example.days.yearFirst === undefined ? [] : ["yearFirst"])];
  const textOf = (order) => {
    const day = example.days[order];
    return t(`data.import.${order}`) + (day === undefined ? "" : `: ${t("data.import.example", { text: example.text.trim(), day: dayText(day, { dateStyle: "long" }) })}`);
  };
  return h("div", { class: "field", key: "order", role: "group", "aria-label": t("data.import.dateOrder"), "data-test": "date-order" }, h("p", {}, t("import.dateOrder")),
    h("div", { class: "buttons" }, orders.map((dateOrder) => h("button", { type: "button", class: "button", key: dateOrder, "data-test": dateOrder, onclick: () => prepare(app, { dateOrder }) }, textOf(dateOrder)))));
};

const nameQuestion = (app, question) =>
  h("form", { key: "name", "data-test": "habit-name", onsubmit: (event) => {
    event.preventDefault();
    const habitName = event.target.elements.habitName.value.trim();
    if (habitName) prepare(app, { habitName });
  } }, h("p", {}, failureText(question)), h("div", { class: "field" }, h("label", { for: "habitName" }, t("data.import.name")), h("input", { id: "habitName", name: "habitName", required: true, autocomplete: "off" })),
  h("div", { class: "buttons" }, h("button", { type: "submit", class: "button", "data-test": "name-continue" }, t("data.import.continue"))));

const importCard = (app) => {
  const { local } = app;
  const { question } = local;
  return h("section", { class: "card", key: "import", "data-test": "import" }, h("h2", {}, t("data.import")),
    h("p", { class: "soft", id: "import-text" }, t("data.import.text")),
    h("div", { class: "field" }, h("label", { for: "file" }, t("data.import.choose")),
      h("input", { id: "file", type: "file", accept: ".csv,.tsv,.txt,.json,.db,.zip,text/csv,application/json", "aria-describedby": "import-text", "data-test": "file", onchange: (event) => {
        [local.file] = event.target.files;
        local.answers = {};
        if (local.file) prepare(app);
      } })),
    question && (question.question === "dateOrder" ? orderQuestion : nameQuestion)(app, question),
    failureOf(local.importFailure),
    h("div", { role: "status" }, local.isImported && h("p", { "data-test": "imported" }, t("data.import.done"))));
};

export const page = (app) => [head(app, t("nav.data")), ...(app.view ? [exportCard(app), importCard(app), app.local.plan && planCard(app)] : [])];

// The start of the day, the language, the name of this device, and what the browser promised.

import { h } from "./dom.js";
import { head, saved } from "./frame.js";
import { languages, loadMore, speak, spoken, t } from "./i18n.js";
import { deviceNameOf } from "./service.js";

const timeText = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

const choose = async (app, language) => {
  app.setSetting("language", language);
  await speak(language);
  await loadMore();
  app.draw();
};

const storage = (app) => {
  const { local } = app;
  if (!navigator.storage?.persisted) return null;
  const ask = async (request) => {
    local.isPersisted = await request().catch(() => false);
    app.draw();
  };
  if (local.isPersisted === undefined) {
    local.isPersisted = false;
    ask(() => navigator.storage.persisted());
  }
  return h("section", { class: "card", key: "storage" }, h("h2", {}, t("settings.storage")),
    h("p", { class: "soft", "data-test": "persisted" }, t(local.isPersisted ? "settings.persisted" : "settings.notPersisted")),
    !local.isPersisted && h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => ask(() => navigator.storage.persist()) }, t("settings.persist"))));
};

export const page = (app) => {
  const { state, isStashed } = saved(app);
  const minutesOf = (text) => {
    const [hours, minutes] = text.split(":").map(Number);
    return hours * 60 + minutes;
  };
  return [
    head(app, t("nav.settings")),
    state !== "broken" && h("p", { class: "notice", key: "state", "data-test": "state" }, t(`status.explain.${state === "here" && isStashed ? "stashed" : state}`)),
    h("section", { class: "card", key: "settings" },
      h("div", { class: "field" }, h("label", { for: "day-start" }, t("settings.dayStart")),
        h("input", { id: "day-start", type: "time", value: timeText(app.view?.dayStart ?? 0), "aria-describedby": "day-start-text", "data-test": "day-start", onchange: (event) => event.target.value && app.attempt(() => app.client.setDayStart(minutesOf(event.target.value))) }),
        h("p", { class: "soft small", id: "day-start-text" }, t("settings.dayStart.text"))),
      h("div", { class: "field" }, h("label", { for: "language" }, t("settings.language")),
        h("select", { id: "language", value: spoken(), "data-test": "language", onchange: (event) => choose(app, event.target.value) },
          Object.entries(languages).map(([tag, name]) => h("option", { key: tag, value: tag, lang: tag }, name)))),
      h("div", { class: "field" }, h("label", { for: "device" }, t("settings.device")),
        h("input", { id: "device", value: deviceNameOf(app), maxlength: "40", autocomplete: "off", onchange: (event) => app.setSetting("device", event.target.value.trim()) }))),
    storage(app),
    h("div", { class: "buttons", key: "more" }, h("a", { class: "button", href: "#/data", "data-test": "to-data" }, t("nav.data"))),
  ];
};

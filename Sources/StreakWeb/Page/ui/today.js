// The first page: every habit with one large button. A tap is on the disk before it is shown.

import { h } from "./dom.js";
import { icon, icons } from "./frame.js";
import { dayText, t } from "./i18n.js";

/** Colours of habits. White text on each has a contrast of at least 4.5. */
export const palette = [0xa83c08, 0x1c6b3c, 0x1d5fa8, 0x7a3e9d, 0xb0275f, 0x0b6e75, 0x7a5c00, 0x4a5568];

/**
 * The custom properties of a habit's colour. One that is too light for white text is not used; a
 * habit without one has a colour by its id, the same on every device.
 */
export const ownColor = (color, id = "") => {
  const [red, green, blue] = [color >> 16, (color >> 8) & 255, color & 255].map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  // Contrast of 4.5 with white, and of 3 with the dark ground.
  const isGood = color !== 0 && light <= 0.1833;
  const own = isGood ? color : palette[id.charCodeAt(0) % palette.length || 0];
  return { "--own": `#${own.toString(16).padStart(6, "0")}` };
};

const tap = (app, habit) =>
  app.attempt(async () => {
    const isDone = habit.cells.get(app.view.here)?.done ?? false;
    await app.client.tap(habit.id, !isDone);
    app.view = await app.client.view();
    const after = app.view.habits.find((each) => each.id === habit.id);
    app.draw();
    app.say(isDone ? t("said.undone", { name: habit.name }) : t("said.done", { name: habit.name, count: after?.streak.current ?? 0 }));
    keep(app);
  });

/** Asks the browser once, after the first tap, not to clear what the page stores. */
const keep = (app) => {
  if (app.setting("persist") || !navigator.storage?.persist) return;
  app.setSetting("persist", "asked");
  navigator.storage.persist().catch(() => {});
};

const week = (app, habit) => {
  const days = Array.from({ length: 7 }, (_, index) => app.view.here - 6 + index).map((day) => habit.cells.get(day));
  const count = days.filter((cell) => cell?.done).length;
  return h("div", { class: "week", role: "img", "aria-label": t("today.week", { name: habit.name, count }) },
    days.map((cell, index) => h("span", { key: index, class: `dot${cell?.done ? (cell.quarantine ? " not-counted" : " done") : ""}` })));
};

const row = (app, habit) => {
  const isDone = habit.cells.get(app.view.here)?.done ?? false;
  const { current, state } = habit.streak;
  return h("li", { class: "card habit", key: habit.id, vars: ownColor(habit.color, habit.id), "data-test": "habit", "data-name": habit.name, "data-streak": current },
    h("button", { type: "button", class: "tap", "aria-pressed": String(isDone), "aria-label": t("today.tap", { name: habit.name }), "data-test": "tap", onclick: () => tap(app, habit) }, icon(icons.check)),
    h("a", { class: "habit-name", href: `#/habit/${encodeURIComponent(habit.id)}`, "data-test": "open" }, habit.name, h("span", { class: "small soft" }, t(`state.${state}`))),
    h("p", { class: `number${current === 0 ? " zero" : ""}`, "data-test": "streak" }, h("strong", {}, current), h("span", { class: "small soft" }, t("today.days", { count: current }))),
    week(app, habit));
};

const add = (app, isFirst) =>
  h("form", {
    class: "add", key: "add", "data-test": "add-habit",
    onsubmit: (event) => {
      event.preventDefault();
      const input = event.target.elements.name;
      const name = input.value.trim();
      if (!name) return;
      app.attempt(async () => {
        await app.client.addHabit({ name, color: palette[app.view.habits.length % palette.length] });
        input.value = "";
        input.focus();
      });
    },
  },
    h("div", { class: "field" }, h("label", { for: "new-habit" }, t("today.new")),
      h("input", { id: "new-habit", name: "name", autocomplete: "off", maxlength: "100", required: true, placeholder: isFirst ? t("today.example") : undefined, enterkeyhint: "done" })),
    h("button", { class: "button first", "data-test": "add" }, t("today.add")));

/** Whether the page is as a first visit finds it: nothing is here, and nothing is to be told. */
export const isEmpty = ({ view, isSecure, erased, unknown }) =>
  !view || (isSecure && !erased && !unknown && view.habits.length === 0 && !view.account && !view.hadAccount && view.others.length === 0);

export const today = (app) => {
  const { view } = app;
  app.title = "";
  if (!view) return [h("h1", { tabindex: "-1" }, t("app")), h("p", { class: "notice wrong", role: "alert" }, t("error.noStorage"))];
  const active = view.habits.filter((habit) => !habit.archived);
  return [
    app.more?.erased(app),
    active.length === 0
      ? h("div", { class: "welcome", key: "welcome" }, h("h1", { tabindex: "-1" }, t("today.empty.title")), h("p", { class: "soft" }, t("today.empty.text")))
      : h("div", { class: "head", key: "head" }, h("h1", { tabindex: "-1", "data-test": "date", "data-day": view.here }, dayText(view.here, { weekday: "long", day: "numeric", month: "long" }))),
    active.length > 0 && h("ul", { class: "habits", key: "habits", "aria-label": t("today.list") }, active.map((habit) => row(app, habit))),
    add(app, active.length === 0),
    ...(app.more?.below(app) ?? []),
  ];
};

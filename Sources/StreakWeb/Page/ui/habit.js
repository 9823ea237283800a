// One habit: its number and the reason for it, its calendar, its statistics, and its fields.

import { explain, statisticsOf } from "../modules/explain.js";
import { calendar } from "./calendar.js";
import { confirmed } from "./dialog.js";
import { h } from "./dom.js";
import { head } from "./frame.js";
import { dayText, t } from "./i18n.js";
import { call } from "./service.js";
import { ownColor, palette } from "./today.js";

/** Lines of a list that are shown at first. */
const leftOutShown = 20;

const rangeText = (run) =>
  t("why.run", { count: run.last - run.first + 1, first: dayText(run.first, { dateStyle: "medium" }), last: dayText(run.last, { dateStyle: "medium" }) });

/** Days of one reason that follow each other are one line; the latest first. */
const leftOutRanges = (leftOut) => {
  const ranges = [];
  for (const { day, omission, quarantine } of leftOut) {
    const range = ranges.at(-1);
    const reason = quarantine ?? omission;
    if (range && range.last === day - 1 && range.reason === reason) range.last = day;
    else ranges.push({ first: day, last: day, reason });
  }
  return ranges.reverse();
};

const daysText = ({ first, last }) => {
  const style = { dateStyle: "medium" };
  return first === last ? dayText(first, style) : `${dayText(first, style)} – ${dayText(last, style)}`;
};

/** Asks the server for its own explanation, once for each state of the habit. */
const askServer = async (app, habit) => {
  const { local, view } = app;
  const asked = `${habit.streak.current} ${view.account?.waiting}`;
  if (!view.account?.isSignedIn || app.network.isFailed || local.asked === asked) return;
  local.asked = asked;
  try {
    const { streak } = await call(app, "StreakService/ExplainStreak", { habitId: habit.id });
    local.server = { asked, current: streak?.current ?? 0 };
    app.draw();
  } catch {
    // The page's own explanation stands; what the server says is an extra.
    local.server = undefined;
  }
};

const why = (app, habit) => {
  const { streak, run, leftOut } = explain([...habit.cells.values()], app.view.today, habit.archived);
  const { server } = app.local;
  const ranges = leftOutRanges(leftOut);
  return h("details", {
    class: "card", key: "why", "data-test": "why",
    ontoggle: (event) => event.target.open && askServer(app, habit),
  },
    h("summary", { "data-test": "why-open" }, t("habit.why", { count: streak.current })),
    h("p", { "data-test": "why-run" }, run ? rangeText(run) : t("why.none")),
    streak.state === "AT_RISK" && h("p", {}, t("why.risk")),
    server && h("p", { class: "soft small", "data-test": "why-server" }, server.current === streak.current ? t("why.same") : t("why.differs", { count: server.current })),
    ranges.length > 0 && h("h3", { class: "small" }, t("why.leftOut")),
    ranges.length > 0 && h("ul", { class: "rows small" }, ranges.slice(0, leftOutShown).map((range) =>
      h("li", { key: range.first }, h("span", {}, daysText(range)), h("span", { class: "soft" }, t(`why.${range.reason}`))))),
    ranges.length > leftOutShown && h("p", { class: "soft small" }, t("why.more", { count: ranges.slice(leftOutShown).reduce((sum, { first, last }) => sum + last - first + 1, 0) })));
};

const bars = (rows) => {
  const most = Math.max(1, ...rows.map(({ count }) => count));
  return h("ul", { class: "bars" }, rows.map(({ label, count }, index) =>
    h("li", { key: index }, h("span", {}, label), h("span", { class: "bar", vars: { "--share": `${(count / most) * 100}%` } }), h("span", {}, count))));
};

/** A Monday, for the names of days. */
const monday = 4;

const statistics = (habit) => {
  const sums = statisticsOf([...habit.cells.values()]);
  const fact = (label, value, test) => h("div", { key: test }, h("dt", {}, label), h("dd", { "data-test": test }, value));
  return h("section", { class: "card", key: "statistics", vars: ownColor(habit.color, habit.id), "data-test": "statistics" }, h("h2", {}, t("habit.statistics")),
    h("dl", { class: "facts" },
      fact(t("stats.current"), habit.streak.current, "stat-current"), fact(t("stats.longest"), habit.streak.longest, "stat-longest"), fact(t("stats.total"), habit.streak.total, "stat-total")),
    sums.quarantined > 0 && h("p", { class: "soft small" }, t("stats.notCounted", { count: sums.quarantined })),
    sums.counted > 0 && h("h3", { class: "small" }, t("stats.weekdays")),
    sums.counted > 0 && bars(sums.byWeekday.map((count, index) => ({ label: dayText(monday + index, { weekday: "long" }), count }))),
    sums.counted > 0 && h("h3", { class: "small" }, t("stats.months")),
    sums.counted > 0 && bars(sums.byMonth.slice(-12).reverse().map(({ year, month, counted }) => ({
      label: dayText(Date.UTC(year, month - 1, 1) / 86_400_000, { month: "short", year: "numeric" }), count: counted,
    }))));
};

const edit = (app, habit) => {
  const change = (changes) => app.attempt(() => app.client.editHabit(habit.id, changes));
  const remove = async () => {
    const isSure = await confirmed({
      title: t("habit.delete.title", { name: habit.name }), text: t(app.view.account ? "habit.delete.account" : "habit.delete.here"),
      button: t("habit.delete"), cancel: t("cancel"),
    });
    if (isSure && (await app.attempt(async () => (await app.client.deleteHabit(habit.id), true)))) app.go("today");
  };
  return h("details", { class: "card", key: "edit", "data-test": "edit" }, h("summary", { "data-test": "edit-open" }, t("habit.edit")),
    h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        const { name, description } = event.target.elements;
        change({ name: name.value.trim(), description: description.value });
      },
    },
      h("div", { class: "field" }, h("label", { for: "name" }, t("today.name")), h("input", { id: "name", name: "name", value: habit.name, required: true, autocomplete: "off" })),
      h("div", { class: "field" }, h("label", { for: "description" }, t("habit.description")), h("textarea", { id: "description", name: "description", value: habit.description })),
      h("fieldset", {}, h("legend", { class: "label" }, t("habit.color")),
        h("div", { class: "swatches" }, palette.map((color, index) =>
          h("label", { class: "swatch", key: color, vars: ownColor(color) },
            h("input", { type: "radio", name: "color", checked: color === habit.color, "aria-label": t("habit.color.pick", { number: index + 1 }), onchange: () => change({ color }) }))))),
      h("div", { class: "buttons" }, h("button", { class: "button first", "data-test": "save-habit" }, t("save")))),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "button", onclick: () => app.attempt(() => app.client.moveHabit(habit.id, -1)) }, t("habit.up")),
      h("button", { type: "button", class: "button", onclick: () => app.attempt(() => app.client.moveHabit(habit.id, 1)) }, t("habit.down")),
      h("button", { type: "button", class: "button", "data-test": "archive", onclick: () => change({ archived: !habit.archived }) }, t(habit.archived ? "habit.restore" : "habit.archive")),
      h("button", { type: "button", class: "button danger", "data-test": "delete-habit", onclick: remove }, t("habit.delete"))));
};

export const page = (app) => {
  const habit = app.view?.habits.find((each) => each.id === app.route.argument);
  if (!habit) return [head(app, t("app")), h("p", {}, t("habit.missing"))];
  return [
    head(app, habit.name),
    habit.description && h("p", { class: "soft", key: "description" }, habit.description),
    h("p", { class: "big", key: "big", vars: ownColor(habit.color, habit.id) },
      h("strong", { "data-test": "number" }, habit.streak.current), h("span", {}, t("habit.inARow", { count: habit.streak.current })), h("span", { class: "soft" }, t(`state.${habit.streak.state}`))),
    why(app, habit),
    calendar(app, habit),
    statistics(habit),
    edit(app, habit),
  ];
};

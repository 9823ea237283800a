// The calendar of a habit: one month, each day a button that opens the day.

import { BackfillAllowance } from "../modules/backfill.js";
import { timeOfDay } from "../modules/clock.js";
import { civil, dayFrom, earliestDay, weekday } from "../modules/day.js";
import { isSealed, lateDaysMax } from "../modules/rules.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { icon, icons } from "./frame.js";
import { dayText, firstWeekday, t } from "./i18n.js";
import { sentence } from "./sentences.js";
import { ownColor } from "./today.js";

const monthOf = (day) => {
  const { year, month } = civil(day);
  return { year, month };
};
const step = ({ year, month }, by) => monthOf(dayFrom(year, month, 15) + by * 30);

/** Why a day that is entered now would not count; an empty text if it will. */
const expectation = (app, day, clientTime) => {
  const { view, clock } = app;
  if (view.account) return new BackfillAllowance(view.account.caughtUpAt).claim(day, clientTime, clock.now());
  const first = view.session?.preview?.first ?? view.here - lateDaysMax + 1;
  if (day >= first) return "";
  return view.session?.isAnchored && day > view.here - lateDaysMax ? "ANCHOR" : "OVER_LIMIT";
};

const openDay = (app, habit, day) => {
  const cell = habit.cells.get(day);
  const clientTime = timeOfDay(app.clock, day, app.view.dayStart);
  const isLocked = Boolean(app.view.account) && cell?.done && isSealed(day, app.view.here);
  const edited = { done: cell?.done ?? false, note: cell?.note ?? "", failure: "" };
  const title = dayText(day);
  return openDialog(`${habit.name}, ${title}`, (close, redraw) => {
    const reason = cell?.done && edited.done ? cell.quarantine : expectation(app, day, clientTime);
    const submit = async (event) => {
      event.preventDefault();
      try {
        const before = cell?.note ?? "";
        if (edited.done !== (cell?.done ?? false)) await app.client.tap(habit.id, edited.done, { day, ...(edited.done && edited.note !== before ? { note: edited.note } : {}) });
        if (edited.note !== before) await app.client.setNote(habit.id, day, edited.note);
        close(true);
      } catch (error) {
        edited.failure = sentence(error);
        redraw();
      }
    };
    return [h("form", { onsubmit: submit },
      h("h2", {}, title),
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: edited.done, disabled: isLocked, "data-test": "day-done", onchange: (event) => { edited.done = event.target.checked; redraw(); } }), t("day.done")),
      isLocked && h("p", { class: "soft small" }, t("day.sealed")),
      edited.done && h("p", { class: "soft small", role: "status", "data-test": "day-expectation" }, reason ? t("day.countsNot", { why: t(`day.why.${reason}`) }) : t("day.counts")),
      h("div", { class: "field" }, h("label", { for: "day-note" }, t("day.note")),
        h("textarea", { id: "day-note", value: edited.note, maxlength: "4096", "data-test": "day-note", oninput: (event) => { edited.note = event.target.value; } })),
      edited.failure && h("p", { class: "notice wrong", role: "alert" }, edited.failure),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "button", onclick: () => close() }, t("cancel")),
        h("button", { class: "button first", "data-test": "day-save" }, t("save"))))];
  });
};

const described = (day, cell) =>
  [dayText(day), cell?.done ? t(cell.quarantine ? "calendar.notCounted" : "calendar.done") : t("calendar.notDone"), cell?.note ? t("calendar.note") : "", cell?.isUnsent ? t("calendar.unsent") : ""]
    .filter(Boolean).join(", ");

/** Moves with the arrow keys, as in a table. */
const move = (event, rtl) => {
  const forward = rtl ? "ArrowLeft" : "ArrowRight";
  const backward = rtl ? "ArrowRight" : "ArrowLeft";
  const by = { [forward]: 1, [backward]: -1, ArrowDown: 7, ArrowUp: -7 }[event.key];
  if (!by) return;
  const days = [...event.currentTarget.querySelectorAll(".day")];
  const next = days[days.indexOf(document.activeElement) + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
};

export const calendar = (app, habit) => {
  const { local, view } = app;
  local.month ??= monthOf(view.here);
  const { year, month } = local.month;
  const first = dayFrom(year, month, 1);
  const next = step(local.month, 1);
  const last = dayFrom(next.year, next.month, 1) - 1;
  const start = firstWeekday();
  const lead = (weekday(first) - start + 7) % 7;
  const weeks = [];
  for (let day = first - lead; day <= last; day += 7) weeks.push(Array.from({ length: 7 }, (_, index) => day + index));
  // One stop for the tab key; the arrow keys move on.
  const stop = view.here >= first && view.here <= last ? view.here : first;
  const turn = (by) => {
    local.month = step(local.month, by);
    app.draw();
  };
  const label = dayText(first, { month: "long", year: "numeric" });
  const button = (day) => {
    const cell = habit.cells.get(day);
    const names = ["day", cell?.done && (cell.quarantine ? "not-counted" : "done"), cell?.note && "note", day === view.here && "today"];
    const isOpen = day >= earliestDay && day <= view.here;
    return h("button", {
      type: "button", class: names.filter(Boolean).join(" "), disabled: !isOpen, "aria-label": described(day, cell), "data-test": "day", "data-day": day,
      tabindex: day === stop ? undefined : "-1", "data-state": cell?.done ? (cell.quarantine || "counted") : "open", "aria-current": day === view.here ? "date" : undefined,
      onclick: () => openDay(app, habit, day).then((isChanged) => isChanged && app.refresh()),
    }, civil(day).day);
  };
  return h("section", { class: "card", key: "calendar", vars: ownColor(habit.color, habit.id), "data-test": "calendar", "aria-labelledby": "calendar-title" },
    h("div", { class: "row" },
      h("button", { type: "button", class: "icon turns", "aria-label": t("calendar.previous"), "data-test": "previous-month", onclick: () => turn(-1) }, icon(icons.back)),
      h("h2", { id: "calendar-title", "aria-live": "polite" }, label),
      h("button", { type: "button", class: "icon turns", "aria-label": t("calendar.next"), "data-test": "next-month", onclick: () => turn(1) }, icon(icons.forward))),
    h("table", { class: "month", onkeydown: (event) => move(event, document.documentElement.dir === "rtl") },
      h("thead", {}, h("tr", {}, weeks[0].map((day) => h("th", { key: day % 7, scope: "col", abbr: dayText(day, { weekday: "long" }) }, dayText(day, { weekday: "short" }))))),
      h("tbody", {}, weeks.map((days) => h("tr", { key: days[0] }, days.map((day) => h("td", { key: day }, day >= first && day <= last && button(day))))))));
};

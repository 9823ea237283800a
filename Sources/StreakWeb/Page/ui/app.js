// Puts the parts together: the store and the client of this tab, the background work of the leading
// tab, the routes, and the frame around each page.

import { Client } from "../modules/client.js";
import { systemClock } from "../modules/clock.js";
import { Tabs } from "../modules/leader.js";
import { Standby } from "../modules/standby.js";
import { Store } from "../modules/store.js";
import { h, render } from "./dom.js";
import { frame } from "./frame.js";
import { loadMore, preferred, speak, t } from "./i18n.js";
import { sentence } from "./sentences.js";
import { isEmpty, today } from "./today.js";

/** The pages that are loaded when they are opened. */
const pages = {
  habit: () => import("./habit.js"),
  account: () => import("./account.js"),
  mail: () => import("./mail.js"),
  forgot: () => import("./forgot.js"),
  codes: () => import("./codes.js"),
  migrate: () => import("./migrate.js"),
  notices: () => import("./notices.js"),
  settings: () => import("./settings.js"),
  data: () => import("./data.js"),
};

/** The style of what is loaded when it is opened. */
let style;
const loadStyle = () => (style ??= new Promise((resolve) => {
  const link = document.createElement("link");
  const onerror = () => {
    style = undefined;
    link.remove();
    resolve();
  };
  document.head.append(Object.assign(link, { rel: "stylesheet", href: "/more.css", onload: resolve, onerror }));
}));

/** Milliseconds between two drawings of a tab that is not seen. */
const unseenMilliseconds = 1_000;

export class App {
  clock = systemClock;
  /** What the store holds, for the page: `Client.view`. */
  view = undefined;
  /** "idle", "syncing", "failed" since a moment, as the leading tab says. */
  network = { isFailed: false, since: 0 };
  route = { name: "today", argument: "" };
  /** What the first page shows beyond a first visit (advice.js), once it is loaded. */
  more = undefined;
  /** What an open page keeps while it is open; a new page begins with an empty one. */
  local = {};
  #page;
  #isDrawing = false;
  #tabs;

  constructor() {
    this.store = new Store(() => this.#stored());
    this.client = new Client({ store: this.store, clock: this.clock, wake: () => this.#tabs?.wake() });
    this.standby = new Standby({ store: this.store, clock: this.clock, emit: (event) => this.#take(event, true) });
    /** A service worker, WebCrypto and locks exist on secure origins only. */
    this.isSecure = globalThis.isSecureContext;
  }

  async start() {
    addEventListener("hashchange", () => this.#open());
    addEventListener("error", ({ error }) => this.fail(error));
    addEventListener("unhandledrejection", ({ reason }) => this.fail(reason));
    await speak(this.setting("language") ?? preferred());
    document.getElementById("skip").textContent = t("nav.skip");
    try {
      this.view = await this.client.view();
    } catch (error) {
      this.storageError = error;
    }
    await this.#open();
    this.#keepDate();
    if (this.isSecure && !this.storageError) {
      this.#startBackground();
      this.#registerWorker();
    }
  }

  // MARK: settings of this browser that are no data

  setting(name) {
    try {
      return localStorage.getItem(`streakd ${name}`) ?? undefined;
    } catch {
      return undefined;
    }
  }

  setSetting(name, value) {
    try {
      localStorage.setItem(`streakd ${name}`, value);
    } catch {
      // A browser that stores nothing: the setting holds until the page is left.
    }
  }

  // MARK: background

  #startBackground() {
    this.#tabs = new Tabs({ background: this.standby, receive: (event) => this.#take(event, false) });
    this.#tabs.lead();
    addEventListener("online", () => this.#tabs.comeBack());
    addEventListener("offline", () => this.#take({ type: "offline" }, false));
    document.addEventListener("visibilitychange", () => {
      // When a page is hidden it may be ended at any moment: what waits is sent now.
      if (document.visibilityState === "visible") {
        this.#refreshNow();
        this.#tabs.comeBack();
      } else {
        this.#tabs.wake();
      }
    });
    addEventListener("pagehide", () => this.#tabs.wake());
    // A page that comes back from the browser's cache of pages may have lost its lock and its
    // database.
    addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
    if (!navigator.onLine) this.#take({ type: "offline" }, false);
  }

  wake() {
    this.#tabs?.wake();
  }

  accountChanged() {
    this.#tabs?.accountChanged();
  }

  /** An event of the background, here or in another tab. */
  #take(event, isOwn) {
    if (isOwn) {
      // An error does not pass between tabs as it is.
      const failure = event.failure && { kind: event.failure.kind, reason: event.failure.reason };
      this.#tabs?.tell({ ...event, failure });
    }
    if (event.type === "failed" || event.type === "offline") {
      const isNetwork = event.type === "offline" || event.failure.kind === "unreachable" || event.failure.kind === "failing";
      if (isNetwork && !this.network.isFailed) this.network = { isFailed: true, since: this.clock.now() };
    } else if (event.type === "synced") {
      this.network = { isFailed: false, since: 0 };
    } else if (event.type === "accountErased") {
      this.erased = true;
    } else if (event.type === "accountUnknown") {
      this.unknown = true;
    }
    if (!["syncing", "wake", "awake", "comeBack"].includes(event.type)) this.refresh();
  }

  // MARK: drawing

  #stored() {
    this.#tabs?.tell({ type: "stored" });
    this.refresh();
  }

  /**
   * Reads the store and draws; several calls in one moment are one. A tab that is not seen draws
   * once in a while, however much the other tabs store.
   */
  refresh() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    if (document.visibilityState === "visible") queueMicrotask(() => this.#refreshNow());
    else setTimeout(() => this.#refreshNow(), unseenMilliseconds);
  }

  async #refreshNow() {
    this.#isDrawing = false;
    try {
      this.view = await this.client.view();
      this.draw();
    } catch (error) {
      this.fail(error);
    }
  }

  draw() {
    this.#loadAdvice().then((isNew) => isNew && this.draw());
    render(document.getElementById("top"), frame(this));
    if (this.#page) render(document.getElementById("main"), this.#page(this).filter(Boolean));
    render(document.getElementById("toast"), [this.#toast()].filter(Boolean));
    document.title = this.title ? `${this.title} – ${t("app")}` : t("app");
  }

  /** Loads what the first page shows beyond a first visit. Whether it was loaded now. */
  async #loadAdvice() {
    if (this.more || isEmpty(this)) return false;
    try {
      const [module] = await Promise.all([import("./advice.js"), loadMore(), loadStyle()]);
      const isNew = !this.more;
      this.more = module;
      return isNew;
    } catch {
      // The network failed: the next drawing loads it again.
      return false;
    }
  }

  #toast() {
    if (this.message) {
      return h("div", { class: "toast", role: "alert", key: "message" }, h("span", {}, this.message), h("button", { type: "button", onclick: () => this.tell(undefined) }, t("close")));
    }
    return this.update && h("div", { class: "toast", role: "status", key: "update", "data-test": "update" },
      h("span", {}, t("update.text")), h("button", { type: "button", onclick: () => this.update.postMessage("use") }, t("update.button")));
  }

  /** Shows a message at the bottom, for which nothing moves. */
  tell(message) {
    this.message = message;
    this.isMessageOld = false;
    this.draw();
  }

  /** Tells those who hear the page. */
  say(text) {
    document.getElementById("said").textContent = text;
  }

  /** Shows what went wrong. */
  async fail(error) {
    if (!error) return;
    // The texts for it come with the first page; those of other errors do not.
    if (error.name === "StorageError") this.isBroken = true;
    else await loadMore().catch(() => {});
    this.tell(sentence(error));
  }

  /** Runs what a person has asked for, and shows its failure. */
  async attempt(body) {
    try {
      this.message = undefined;
      const result = await body();
      this.isBroken = false;
      return result;
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  // MARK: routes

  go(name, argument = "") {
    location.hash = name === "today" ? "#/" : `#/${name}${argument ? `/${encodeURIComponent(argument)}` : ""}`;
  }

  async #open() {
    // A link of a mail: its token goes from the address bar, and from the history of the browser.
    const mailed = /^#(verify|reset|takeback)=([\w.~-]+)$/.exec(location.hash);
    if (mailed) {
      [, , this.mailToken] = mailed;
      history.replaceState(null, "", `#/mail/${mailed[1]}`);
    }
    const [, name = "", argument = ""] = location.hash.split("/");
    const isFirst = !this.#page;
    this.route = { name: name in pages ? name : "today", argument: decodeURIComponent(argument) };
    this.local = {};
    this.title = "";
    // A message stays over one change of the page: often it belongs to the new one.
    if (this.isMessageOld) this.message = undefined;
    this.isMessageOld = true;
    const { route } = this;
    if (route.name === "today") {
      await this.#loadAdvice();
      if (route !== this.route) return;
      this.#page = today;
    } else {
      try {
        const [module] = await Promise.all([pages[route.name](), loadMore(), loadStyle()]);
        if (route !== this.route) return;
        this.#page = module.page;
      } catch (error) {
        this.fail(error);
        this.#page ??= today;
      }
    }
    this.draw();
    if (isFirst) return;
    scrollTo(0, 0);
    (document.querySelector("main h1") ?? document.getElementById("main")).focus();
  }

  /** Draws anew when a new day begins, also while the page is open over night. */
  #keepDate() {
    let shown = this.view?.here;
    setInterval(() => {
      if (document.visibilityState !== "visible") return;
      this.client.view().then((view) => {
        if (view.here === shown && view.today === this.view?.today) return;
        shown = view.here;
        this.view = view;
        this.draw();
      }, () => {});
    }, 30_000);
  }

  // MARK: the service worker

  async #registerWorker() {
    if (!("serviceWorker" in navigator)) return;
    // A page that was loaded before the first worker is not an update.
    const hadWorker = Boolean(navigator.serviceWorker.controller);
    let isReloading = false;
    navigator.serviceWorker.addEventListener("controllerchange", () => {
      if (!hadWorker || isReloading) return;
      isReloading = true;
      location.reload();
    });
    const registration = await navigator.serviceWorker.register("/service-worker.js", { type: "classic", updateViaCache: "none" });
    const offer = (worker) => {
      if (!worker || !navigator.serviceWorker.controller) return;
      this.update = worker;
      this.draw();
    };
    offer(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker?.addEventListener("statechange", () => worker.state === "installed" && offer(worker));
    });
  }
}

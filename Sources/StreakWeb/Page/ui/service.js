// What pages ask of the server, for the account in use or without one. Loaded with the first page
// that does.

import { spoken } from "./i18n.js";

const syncOf = async (app) => (await app.standby.background()).account();

/** Accounts, with what they need. */
const made = new WeakMap();
export const accountsOf = (app) => {
  if (!made.has(app)) {
    made.set(app, make(app).catch((error) => {
      made.delete(app);
      throw error;
    }));
  }
  return made.get(app);
};

const make = async (app) => {
  const [{ Accounts }, background, { calls }] = await Promise.all([import("../modules/accounts.js"), app.standby.background(), syncOf(app)]);
  return new Accounts({
    store: app.store, calls, sync: background, anonymous: background.anonymous, clock: app.clock, accountChanged: () => app.accountChanged(),
    language: spoken, device: () => ({ name: deviceNameOf(app), platform: navigator.userAgentData?.platform ?? navigator.platform ?? "web", appVersion: "web" }),
  });
};

export const callsOf = async (app) => (await syncOf(app)).calls;

/** Calls without an account. */
export const callOpen = async (app, method, message) => (await callsOf(app)).open(method, message);

/** Calls for the account in use. */
export const call = async (app, method, message) => (await callsOf(app)).call(method, message, app.view.account.userId);

/** Imports a document of this service into the empty account in use. */
export const importWhole = async (app, bytes) => (await syncOf(app)).importDocument(app.view.account.userId, bytes);

export const syncNow = async (app) => (await app.standby.background()).syncOnce();

export const deviceNameOf = (app) => app.setting("device") ?? guessedName();

/** A name for this browser that a person recognises in the list of devices. */
const guessedName = () => {
  const agent = navigator.userAgent;
  const browser = ["Edg", "OPR", "Firefox", "Chrome", "Safari"].find((name) => agent.includes(`${name}/`)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac", "CrOS", "Linux"].find((name) => agent.includes(name)) ?? "";
  const names = { Edg: "Edge", OPR: "Opera", CrOS: "ChromeOS" };
  return [names[browser] ?? browser, names[system] ?? system].filter(Boolean).join(", ");
};

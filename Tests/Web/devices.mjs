// Devices made of the page's modules, driven by another program: a line of JSON on standard input,
// `[device, action, ...arguments]`, is answered by a line of JSON, `{result}` or `{error}`.

import readline from "node:readline";
import { makeDevice, password, sameState } from "./support.mjs";

const devices = new Map();

const actions = {
  open: (device, url) => void (device.transport.origin = url),
  signUp: (device, email) => device.accounts.signUp(email, password).then(({ migration }) => migration ?? null),
  signIn: (device, email) => device.accounts.signIn(email, password),
  addHabit: (device, name) => device.client.addHabit({ name }),
  tap: (device, habitId, done, daysAgo, note) => device.view().then(({ here }) => device.client.tap(habitId, done, { day: here - daysAgo, note })),
  setNote: (device, habitId, daysAgo, note) => device.view().then(({ here }) => device.client.setNote(habitId, here - daysAgo, note)),
  sync: (device) => device.sync(),
  keep: (device) => device.anonymous.keep(),
  view: async (device) => {
    const { account, session, others, habits } = await device.view();
    return { account: account ?? null, session: session ?? null, others, habits: sameState({ habits }), events: device.events };
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [name, action, ...parts] = JSON.parse(line);
  if (!devices.has(name)) devices.set(name, makeDevice({ name }));
  let answer;
  try {
    answer = { result: (await actions[action](devices.get(name), ...parts)) ?? null };
  } catch (error) {
    answer = { error: { kind: error.kind ?? error.name, reason: error.reason ?? "", message: error.message } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

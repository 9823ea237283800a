// The tabs of one browser are one device. All of them may record; one, the leader, talks to the
// server by itself. The leader holds a Web Lock, which the browser releases when its tab dies, so
// there is no heartbeat and no moment without an heir. A BroadcastChannel carries what the tabs
// tell each other.

import { exclusively } from "./locks.js";

/**
 * How long a tab waits for the leader's sync before it runs one itself. A browser may freeze it.
 */
const patienceMilliseconds = 4_000;

/** What a tab asks the leader for: the names of `Background`'s functions. */
const asks = new Set(["wake", "comeBack", "accountChanged"]);

export class Tabs {
  #channel;
  #isLeader = false;
  #timer;

  /** @param receive Gets the messages of other tabs. */
  constructor({ background, receive }) {
    this.background = background;
    this.#channel = globalThis.BroadcastChannel ? new BroadcastChannel("streakd") : undefined;
    if (!this.#channel) return;
    this.#channel.onmessage = ({ data }) => {
      if (this.#isLeader && asks.has(data.type)) {
        this.tell({ type: "awake" });
        this.background[data.type]();
      }
      if (data.type === "awake" || data.type === "syncing") clearTimeout(this.#timer);
      receive(data);
    };
  }

  get isLeader() {
    return this.#isLeader;
  }

  tell(message) {
    this.#channel?.postMessage(message);
  }

  /** Becomes the leader as soon as no other tab is. Without locks, in this tab, at once. */
  lead() {
    exclusively("leader", () => {
      this.#isLeader = true;
      this.background.run();
      return new Promise(() => {});
    });
  }

  wake() {
    this.#ask("wake");
  }

  comeBack() {
    this.#ask("comeBack");
  }

  accountChanged() {
    this.#ask("accountChanged");
  }

  #ask(type) {
    if (this.#isLeader) {
      this.background[type]();
      return;
    }
    this.tell({ type });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.background.syncOnce(), patienceMilliseconds);
  }
}

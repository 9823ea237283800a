// When a device syncs by itself: about every five minutes, at once when there is a reason, one sync
// at a time, and later after failures. A value without a clock: its owner calls `begin` at the time
// of `nextAt`, or after an event.

export const intervalMilliseconds = 300_000;
/** By which part each pause is shorter or longer at most, so that devices do not sync together. */
const jitter = 0.2;
/** The longest pause after the first failure; each further one doubles it, up to the interval. */
const firstBackoffMilliseconds = 2_000;

export class SyncSchedule {
  #isRunning = false;
  #isAgainWanted = false;
  #failures = 0;

  constructor(now, random) {
    this.random = random;
    // Devices that start together, as after an outage, are spread over the interval.
    this.nextAt = now + random() * intervalMilliseconds;
  }

  get isRunning() {
    return this.#isRunning;
  }

  /** Something has changed, here or elsewhere. After a failure the time that was set stays. */
  wake(now) {
    if (this.#isRunning) this.#isAgainWanted = true;
    else if (this.#failures === 0) this.nextAt = Math.min(this.nextAt, now);
  }

  /** The network is back, or the person has come back: earlier failures are ignored. */
  networkReturned(now) {
    this.#failures = 0;
    this.wake(now);
  }

  /** Whether a sync is to start now; if so, it counts as running until `finish`. */
  begin(now) {
    if (this.#isRunning || now < this.nextAt) return false;
    this.#isRunning = true;
    this.#isAgainWanted = false;
    return true;
  }

  /** @param retryMilliseconds The pause that the server asked for, if it did. */
  finish(isSuccess, now, retryMilliseconds = 0) {
    this.#isRunning = false;
    if (!isSuccess) {
      const longest = Math.min(firstBackoffMilliseconds * 2 ** Math.min(this.#failures, 16), intervalMilliseconds);
      this.#failures += 1;
      this.nextAt = now + Math.max(longest / 2 + (this.random() * longest) / 2, retryMilliseconds);
      return;
    }
    this.#failures = 0;
    const pause = intervalMilliseconds * (1 + jitter * (2 * this.random() - 1));
    this.nextAt = this.#isAgainWanted ? now : now + pause;
  }
}

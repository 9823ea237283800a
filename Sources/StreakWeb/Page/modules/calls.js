// Calls for an account: with its access token, which is renewed when the server refuses it; and
// what a refusal means for the account on this device.

import { exclusively } from "./locks.js";
import { CallError } from "./transport.js";

const signInNeeded = () => new CallError("signInNeeded", { message: "Sign in again." });

/** Tokens as they are stored. */
export const credentialsOf = (tokens) => ({
  accessToken: tokens.accessToken,
  accessExpiresAt: Date.parse(tokens.accessExpiresAt ?? 0),
  refreshToken: tokens.refreshToken,
});

export class Calls {
  /** @param emit Gets `{type, ...}` for what the person has to know. */
  constructor({ store, transport, clock, emit }) {
    Object.assign(this, { store, transport, clock, emit });
  }

  /** A call without an account's credentials. */
  open(method, message, options) {
    return this.transport.call(method, message, options);
  }

  /** A unary call for an account. */
  async call(method, message, userId, options = {}) {
    try {
      const bearer = await this.bearer(userId);
      try {
        return await this.transport.call(method, message, { ...options, bearer });
      } catch (error) {
        if (error.kind !== "signInNeeded") throw error;
        return await this.transport.call(method, message, { ...options, bearer: await this.refresh(bearer, userId) });
      }
    } catch (error) {
      await this.note(error, userId);
      throw error;
    }
  }

  /** A call with a stream of answers for an account. */
  async *stream(method, messages, userId, options = {}) {
    try {
      let bearer = await this.bearer(userId);
      for (;;) {
        let hasReceived = false;
        try {
          for await (const message of this.transport.stream(method, messages, { ...options, bearer })) {
            hasReceived = true;
            yield message;
          }
          return;
        } catch (error) {
          if (error.kind !== "signInNeeded") throw error;
          bearer = await this.refresh(bearer, userId);
          // A stream ends with its token: the caller opens another one, from where it was.
          if (hasReceived) throw new CallError("unreachable", { message: "The stream's access token has expired." });
        }
      }
    } catch (error) {
      await this.note(error, userId);
      throw error;
    }
  }

  /** The account's access token. */
  async bearer(userId) {
    const credentials = await this.store.read((state) => state.accounts.get(userId)?.credentials);
    if (!credentials) throw signInNeeded();
    return credentials.accessToken;
  }

  /**
   * Renews the credentials. The server gives another pair for the same refresh token as long as no
   * pair of it was used, so a lost reply loses nothing. But a refresh token that arrives after its
   * successor was used looks like a stolen copy: so only one tab refreshes at a time, and takes the
   * pair that another one has stored meanwhile.
   */
  refresh(refused, userId) {
    return exclusively("refresh", async () => {
      const credentials = await this.store.read((state) => state.accounts.get(userId)?.credentials);
      if (!credentials) throw signInNeeded();
      if (credentials.accessToken !== refused) return credentials.accessToken;
      const { refreshToken } = credentials;
      const { tokens } = await this.transport.call("AccountService/Refresh", { refreshToken });
      return this.store.change((state) => {
        const account = state.accounts.get(userId);
        // The person has signed in meanwhile: an older answer must not replace that.
        if (account?.credentials?.refreshToken !== refreshToken) return account?.credentials?.accessToken ?? tokens.accessToken;
        account.credentials = credentialsOf(tokens);
        state.touchAccount(userId);
        return tokens.accessToken;
      });
    });
  }

  /** Records what a refusal means for an account. */
  async note(error, userId) {
    if (error.kind === "signInNeeded" || error.kind === "copied") {
      const isNews = await this.store.change((state) => {
        const account = state.accounts.get(userId);
        if (!account) return false;
        const { standing } = account;
        account.credentials = null;
        if (standing === "signedIn") account.standing = error.kind === "copied" ? "mustRegister" : "signedOut";
        state.touchAccount(userId);
        return standing === "signedIn";
      });
      if (isNews) this.emit({ type: "signInNeeded" });
    } else if (error.kind === "accountErased") {
      const isNews = await this.store.change((state) => {
        const isHere = state.accounts.has(userId);
        state.dropAccount(userId);
        return isHere;
      });
      if (isNews) this.emit({ type: "accountErased" });
    } else if (error.kind === "accountUnknown") {
      const { moveIntoSession } = await import("./moving.js");
      const isNews = await this.store.change((state) => moveIntoSession(state, userId, this.clock, this.clock.now()));
      if (isNews) this.emit({ type: "accountUnknown" });
    }
  }
}

// Accounts: sign-up, sign-in, migration, sign-out, deletion. Loaded when a person opens them. Each
// request that must not be doubled is stored before it is sent, so that a repetition, even after
// the tab was closed, sends the same one and gets the same answer.

import { Account } from "./account.js";
import { base64, newId, randomBytes, utf8 } from "./bytes.js";
import { credentialsOf } from "./calls.js";
import { sha256 } from "./canonical.js";
import { claim } from "./capture.js";
import { localTime } from "./clock.js";
import { RuleError, dayStartOf } from "./client.js";
import { exclusively } from "./locks.js";
import { moveIntoSession, moveSession, takeNewName } from "./moving.js";
import { make } from "./queue.js";
import { momentOf } from "./replica.js";
import { continueAsNewDevice } from "./submission.js";
import { CallError } from "./transport.js";

/** How long a call may take that carries a whole session, of up to 50,000 days. */
const wholeSessionMilliseconds = 180_000;

const contradiction = () => new CallError("failing", { message: "The server's answers about this session contradict each other." });
const isSameEmail = (left, right) => left.toLowerCase() === right.toLowerCase();

/** The words with which a deletion is confirmed; a page shows them in the person's language. */
export const deletionPhrase = "delete my account";

export class Accounts {
  /** @param language Gives the language of mails to the person; an empty text states none. */
  constructor({ store, calls, sync, anonymous, clock, device, accountChanged, language = () => "" }) {
    Object.assign(this, { store, calls, sync, anonymous, clock, device, accountChanged, language });
  }

  #deviceOf(deviceId) {
    return { deviceId, ...this.device() };
  }

  #languageOfMails() {
    const language = this.language();
    return language ? { language } : {};
  }

  /** The session as it is now, with its proof; undefined without one. */
  async #claimNow(migrationId = newId()) {
    const found = await this.store.read((state) => {
      const { session } = state;
      if (!session || session.habits.size === 0) return undefined;
      return { session: { ...session, habits: new Map(session.habits), entries: new Map(session.entries) }, dayStart: dayStartOf(state) };
    });
    return found && claim(found.session, localTime(this.clock, this.clock.now(), found.dayStart), migrationId);
  }

  // MARK: sign-up

  /**
   * Makes an account of what was recorded here, all of it or nothing. Returns the `migration`, if
   * there was something to bring, and the `recoveryCodes`, which are nowhere else.
   *
   * `addressCode`: the digits of a mail (`requestSignUpCode`). An address that another account has
   * without having proved it needs them.
   */
  signUp(email, password, { addressCode } = {}) {
    return exclusively("account", async () => {
      // What this browser has forgotten belongs to the account as well.
      await this.anonymous.takeBack();
      let pending = await this.#preparedSignUp(email);
      for (let attempt = 0; attempt < 3; attempt += 1) {
        try {
          const response = await this.calls.open("AccountService/SignUp", {
            idempotencyKey: pending.idempotencyKey, email, password, device: this.#deviceOf(pending.deviceId), withRecoveryCodes: true,
            ...(addressCode ? { addressCode } : {}), ...this.#languageOfMails(), ...(pending.claim ? { session: pending.claim } : {}),
          }, { timeoutMilliseconds: wholeSessionMilliseconds });
          await this.#adopt(response, pending);
          this.accountChanged();
          // Entries recorded since an attempt that had no session to bring.
          const isLeft = await this.store.read((state) => Boolean(state.session?.habits.size));
          if (!pending.claim && isLeft) await this.#migrate({});
          return { migration: response.migration, recoveryCodes: response.recoveryCodes ?? [] };
        } catch (error) {
          if (!error.isFinal) throw error;
          const next = await this.#nextClaim(error, pending.claim);
          const again = next && { ...pending, claim: next };
          await this.store.change((state) => {
            if (state.settings.pendingSignUp?.idempotencyKey === pending.idempotencyKey) state.setSettings({ pendingSignUp: again ?? null });
          });
          if (!again) throw error;
          pending = again;
        }
      }
      throw contradiction();
    });
  }

  /** Mails digits to an address, which prove it at the sign-up. */
  requestSignUpCode(email) {
    return this.calls.open("AccountService/RequestSignUpCode", { email, ...this.#languageOfMails() });
  }

  async #preparedSignUp(email) {
    for (;;) {
      const own = await this.#claimNow();
      const prepared = await this.store.change((state) => {
        // The server has signed this device out of an account that it may have lost: the same
        // address may sign up again.
        const { account } = state;
        if (account && (account.credentials || !isSameEmail(account.email, email))) throw new RuleError("SIGNED_IN");
        const { pendingSignUp } = state.settings;
        if (pendingSignUp && isSameEmail(pendingSignUp.email, email)) return pendingSignUp;
        // The session has got its name from the server meanwhile: it is captured under that.
        if (own && state.session?.sessionId !== own.sessionId) return undefined;
        const pending = { email, idempotencyKey: base64(randomBytes(32)), deviceId: newId(), claim: own ?? null };
        state.setSettings({ pendingSignUp: pending });
        return pending;
      });
      if (prepared) return prepared;
    }
  }

  async #adopt({ account: made, tokens, migration }, pending) {
    const now = this.clock.now();
    await this.store.change((state) => {
      const dayStart = dayStartOf(state);
      const account = new Account(made.userId, pending.deviceId, made.email ?? pending.email);
      account.credentials = credentialsOf(tokens);
      account.caughtUpAt = now;
      account.codesLeft = made.recoveryCodesLeft ?? 0;
      state.addAccount(account);
      if (pending.claim) moveSession(state, pending.claim, { result: migration, userId: made.userId, now });
      state.setSettings({ pendingSignUp: null, current: made.userId, hadAccount: false });
      // The account is new: it takes over this device's day start.
      if (dayStart !== 0) make(account, { setDayStart: { dayStartMinutes: dayStart } }, now);
      this.#moveReplaced(state, made.userId, pending.email, now);
    });
  }

  /**
   * The address belongs to another account than the one stored here: that one was lost or erased.
   */
  #moveReplaced(state, userId, email, now) {
    for (const [id, account] of state.accounts) {
      if (id !== userId && isSameEmail(account.email, email)) moveIntoSession(state, id, this.clock, now);
    }
  }

  // MARK: sign-in

  /** Signs in. If this device held the account before, its queue continues. */
  signIn(email, password) {
    return exclusively("account", async () => {
      await this.anonymous.takeBack();
      const held = await this.store.read((state) => [...state.accounts.keys()]);
      const userId = await this.#register(email, password);
      // A server that has lost this device's numbers says so at the first sync. It runs here
      // because registering a new device needs the password.
      if (held.includes(userId)) await this.sync.sync().catch(() => {});
      const standing = await this.store.read((state) => state.accounts.get(userId)?.standing);
      if (standing === "mustRegister") await this.#register(email, password);
      this.accountChanged();
      return userId;
    });
  }

  /**
   * This device's id in a known account with one of these standings; undefined if there is none. A
   * device keeps its id, so that it can send again what the server has lost, unless it must register.
   */
  #knownDeviceId(email, standings = ["signedIn", "signedOut", "unknown"]) {
    return this.store.read((state) => {
      const known = [...state.accounts.values()].find((each) => isSameEmail(each.email, email));
      return standings.includes(known?.standing) ? known.deviceId : undefined;
    });
  }

  async #register(email, password) {
    const deviceId = (await this.#knownDeviceId(email)) ?? newId();
    const signIn = (id) => this.calls.open("AccountService/SignIn", { email, password, device: this.#deviceOf(id), ...this.#languageOfMails() });
    const { account: found, tokens } = await signIn(deviceId);
    // The address was changed on another device: this one has the account under the former address.
    const held = await this.store.read((state) => {
      const { standing, deviceId: id } = state.accounts.get(found.userId) ?? {};
      return ["signedIn", "signedOut", "unknown"].includes(standing) ? id : undefined;
    });
    if (!held || held === deviceId) return this.#enter(found, tokens, deviceId, email);
    const again = await signIn(held);
    const userId = await this.#enter(again.account, again.tokens, held, email);
    await this.revoke(deviceId).catch(() => {});
    return userId;
  }

  /** Takes the credentials of a device that the server has signed in. */
  async #enter(found, tokens, deviceId, email) {
    const now = this.clock.now();
    await this.store.change((state) => {
      let account = state.accounts.get(found.userId);
      if (!account) {
        account = new Account(found.userId, deviceId, found.email ?? email);
        account.caughtUpAt = now;
        state.addAccount(account);
      } else if (account.deviceId !== deviceId) {
        continueAsNewDevice(account, deviceId);
        account.caughtUpAt = now;
        // Numbers start anew: earlier migrations precede all of them.
        for (const [id, migrated] of account.migrated) {
          account.migrated.set(id, { ...migrated, afterSeq: 0 });
          account.changed.add(`migrated ${id}`);
        }
      }
      account.standing = "signedIn";
      account.credentials = credentialsOf(tokens);
      account.deletionAt = momentOf(found.deletionAt);
      account.codesLeft = found.recoveryCodesLeft ?? 0;
      state.touchAccount(found.userId);
      state.setSettings({ current: found.userId, hadAccount: false });
      this.#moveReplaced(state, found.userId, email, now);
    });
    return found.userId;
  }

  // MARK: where the password is forgotten

  /**
   * Signs in with a recovery code, which is then used, and a new password; all other devices are
   * signed out. Returns how many codes are left.
   *
   * The device's id and the key follow from what was entered, so that a repetition is the same
   * request, also after the tab was closed, and nothing secret is stored for it.
   */
  recover(email, recoveryCode, newPassword) {
    return exclusively("account", async () => {
      await this.anonymous.takeBack();
      const seed = await sha256(utf8(["streak.page.recovery", email.toLowerCase(), recoveryCode, newPassword].join("\0")));
      const idempotencyKey = base64(await sha256(seed));
      const recover = async (deviceId) => {
        const { account: found, tokens } = await this.calls.open("CredentialService/RecoverAccount", {
          idempotencyKey, email, recoveryCode, newPassword, device: this.#deviceOf(deviceId),
        });
        await this.#enter(found, tokens, deviceId, email);
        this.accountChanged();
        return found.recoveryCodesLeft ?? 0;
      };
      const known = await this.#knownDeviceId(email);
      if (known) return recover(known);
      try {
        return await recover(base64(seed.subarray(0, 16)));
      } catch (error) {
        // The device has given its id up since an attempt whose answer was lost: that was made with it.
        const former = error.reason === "SIGN_IN_REFUSED" && (await this.#knownDeviceId(email, ["mustRegister"]));
        if (!former) throw error;
        return recover(former);
      }
    });
  }

  /** Asks the account's signed-in devices to sign this one in. Both show the same six digits. */
  async requestApproval(email) {
    await this.anonymous.takeBack();
    const deviceId = (await this.#knownDeviceId(email)) ?? newId();
    const { requestId, requestSecret, digits, expiresAt } = await this.calls.open(
      "CredentialService/RequestSignInApproval", { email, device: this.#deviceOf(deviceId) });
    return { requestId, requestSecret, digits, deviceId, email, expiresAt: momentOf(expiresAt) };
  }

  /** Looks at a request: "pending", "signedIn", or "ended", without an approval. */
  checkApproval({ requestId, requestSecret, deviceId, email }) {
    return exclusively("account", async () => {
      const { state, account: found, tokens } = await this.calls.open("CredentialService/GetSignInApproval", { requestId, requestSecret });
      if (state === "SIGN_IN_APPROVAL_STATE_PENDING") return "pending";
      if (state !== "SIGN_IN_APPROVAL_STATE_APPROVED") return "ended";
      await this.#enter(found, tokens, deviceId, email);
      this.accountChanged();
      return "signedIn";
    });
  }

  /** Devices that ask to be signed in to the account in use. */
  async approvals() {
    const { requests } = await this.#callCurrent("CredentialService/ListSignInApprovals", {});
    return requests ?? [];
  }

  /** Signs an asking device in: the person has compared the digits. */
  approve({ requestId, digits }) {
    return this.#callCurrent("CredentialService/ApproveSignIn", { requestId, digits });
  }

  /** Refuses an asking device, which does not learn of it. */
  deny({ requestId }) {
    return this.#callCurrent("CredentialService/DenySignIn", { requestId });
  }

  /** Makes eight new codes; the former ones end. `proof`: `{password}` or `{recoveryCode}`. */
  async createRecoveryCodes(proof) {
    const userId = await this.#current();
    const { recoveryCodes } = await this.calls.call("CredentialService/CreateRecoveryCodes", { proof }, userId);
    await this.#note(userId, { codesLeft: recoveryCodes.length });
    return recoveryCodes;
  }

  // MARK: migration

  /** What `migrate` would do. `habitMap` pairs habits: `[[captured, habit]]`. */
  async previewMigration(habitMap = []) {
    const userId = await this.store.read((state) => state.settings.current);
    let session = await this.#claimNow();
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { preview } = await this.calls.call("MigrationService/PreviewMigration", {
          session, habitMap: habitMap.map(([capturedHabitId, habitId]) => ({ capturedHabitId, habitId })),
        }, userId);
        return { preview, session };
      } catch (error) {
        if (attempt > 0 || error.reason !== "SESSION_INVALID" || session.unanchored) throw error;
        session = { ...session, unanchored: true };
      }
    }
  }

  /** Brings the session into the account in use. With a plan, exactly that or nothing. */
  migrate(options = {}) {
    return exclusively("account", () => this.#migrate(options));
  }

  async #migrate({ habitMap = [], planHash, session }) {
    // The first sync, so that the database's epoch for the answer is known.
    const isFirst = await this.store.read((state) => state.account && !state.account.cursor);
    if (isFirst) await this.sync.sync();
    const isSame = await this.store.read((state) => session && state.session?.sessionId === session.sessionId);
    const own = isSame ? session : await this.#claimNow();
    if (!own) throw new RuleError("NOTHING_TO_BRING");
    let pending = await this.store.change((state) => {
      const userId = state.settings.current;
      const { pendingMigration } = state.settings;
      if (pendingMigration?.userId === userId) return pendingMigration;
      const made = { userId, claim: own, habitMap, planHash: isSame ? planHash : undefined };
      state.setSettings({ pendingMigration: made });
      return made;
    });
    let isSecondDevice = false;
    for (let attempt = 0; attempt < 4; attempt += 1) {
      try {
        const { migration } = await this.calls.call("MigrationService/Migrate", {
          session: pending.claim, secondDevice: isSecondDevice,
          habitMap: (pending.habitMap ?? []).map(([capturedHabitId, habitId]) => ({ capturedHabitId, habitId })),
          ...(pending.planHash ? { planHash: pending.planHash } : {}),
        }, pending.userId, { timeoutMilliseconds: wholeSessionMilliseconds });
        return await this.#finishMigration(pending, migration, isSecondDevice);
      } catch (error) {
        if (!error.isFinal) throw error;
        let next = await this.#nextClaim(error, pending.claim);
        if (error.reason === "ALREADY_MIGRATED") {
          // An earlier call, whose answer was lost, has brought the session already. What is left,
          // if anything, are days recorded since.
          if (isSecondDevice) return this.#finishMigration(pending, await this.#earlier(error, pending), isSecondDevice);
          isSecondDevice = true;
          next = { ...pending.claim, migrationId: newId() };
        }
        const again = next && { ...pending, claim: next, planHash: undefined };
        await this.store.change((state) => state.setSettings({ pendingMigration: again ?? null }));
        if (!again) throw error;
        pending = again;
      }
    }
    throw contradiction();
  }

  async #finishMigration(pending, result, isSecondDevice) {
    await this.store.change((state) => {
      moveSession(state, pending.claim, { isSecondDevice, result, userId: pending.userId, now: this.clock.now() });
      state.setSettings({ pendingMigration: null, pendingSignUp: null });
    });
    this.accountChanged();
    return result;
  }

  /** The result of an earlier migration of this session. A long one does not fit into a refusal. */
  async #earlier(error, pending) {
    const result = error.detail("streak.v1.MigrationResult");
    if (result) return result;
    const { migrations } = await this.calls.call("MigrationService/ListMigrations", {}, pending.userId);
    return (migrations ?? []).findLast(({ result }) => result?.sessionId === pending.claim.sessionId)?.result;
  }

  /** The claim to send after a refusal; undefined: the refusal is final. */
  async #nextClaim(error, sent) {
    if (!sent) return undefined;
    if (error.reason === "SESSION_INVALID") {
      // The server does not know the session any more. If the claim already says so, nothing is
      // left to do.
      return sent.unanchored ? undefined : { ...sent, unanchored: true, migrationId: newId() };
    }
    if (error.reason === "SESSION_CLAIMED") {
      // Another account has claimed the session, for example by a sign-up with a mistyped address
      // whose answer was lost. The days are on this device and belong to this person.
      const now = this.clock.now();
      const isHere = await this.store.change((state) => {
        if (state.session?.sessionId !== sent.sessionId) return false;
        state.changeSession(now, takeNewName);
        return true;
      });
      return isHere ? this.#claimNow() : undefined;
    }
    return undefined;
  }

  // MARK: the account

  /** Signs out. The account's data and its queue stay on this device until the next sign-in. */
  async signOut() {
    const bearer = await this.store.change((state) => {
      const { account } = state;
      const token = account?.credentials?.accessToken;
      if (account) {
        // Offline, the server's credentials expire by themselves; the local ones go at once.
        account.credentials = null;
        if (account.standing === "signedIn") account.standing = "signedOut";
        state.touchAccount(account.userId);
      }
      state.setSettings({ current: null });
      return token;
    });
    this.accountChanged();
    if (bearer) await this.calls.open("AccountService/SignOut", {}, { bearer }).catch(() => {});
  }

  /** Removes an account's data from this browser. Refused while operations wait to be sent. */
  forget(userId) {
    return this.store.change((state) => {
      if (state.accounts.get(userId)?.queue.length === 0) state.dropAccount(userId);
    });
  }

  async devices() {
    const { devices } = await this.#callCurrent("AccountService/ListDevices", {});
    return devices ?? [];
  }

  revoke(deviceId) {
    return this.#callCurrent("AccountService/RevokeDevice", { deviceId });
  }

  async changePassword(password, newPassword) {
    const userId = await this.#current();
    const { tokens } = await this.calls.call("AccountService/ChangePassword", { password, newPassword }, userId);
    await this.store.change((state) => {
      state.accounts.get(userId).credentials = credentialsOf(tokens);
      state.touchAccount(userId);
    });
    this.accountChanged();
    // Recovery codes of other devices have ended. The password is changed, whatever comes of this.
    await this.status().catch(() => {});
  }

  /** The account as the server has it. */
  async status() {
    const userId = await this.#current();
    const { account: found } = await this.calls.call("AccountService/GetAccount", {}, userId);
    const codesLeft = found.recoveryCodesLeft ?? 0;
    await this.#note(userId, { deletionAt: momentOf(found.deletionAt), email: found.email ?? "", codesLeft });
    return { isVerified: found.emailVerified ?? false, codesLeft };
  }

  /** Announces the deletion of the account. Returns when it will be erased. */
  async announceDeletion(email, proof) {
    const userId = await this.#current();
    const answer = await this.calls.call("AccountService/DeleteAccount", { email, confirmation: deletionPhrase, proof }, userId);
    const deletionAt = momentOf(answer.deletionAt);
    await this.#note(userId, { deletionAt });
    // The code is used now.
    if (proof.recoveryCode) await this.status();
    return deletionAt;
  }

  /** Takes an announced deletion back. */
  async cancelDeletion() {
    const userId = await this.#current();
    await this.calls.call("AccountService/CancelDeletion", {}, userId);
    await this.#note(userId, { deletionAt: 0 });
  }

  #note(userId, fields) {
    return this.store.change((state) => {
      const account = state.accounts.get(userId);
      if (!account || Object.entries(fields).every(([name, value]) => account[name] === value)) return;
      Object.assign(account, fields);
      state.touchAccount(userId);
    });
  }

  /** Mails a proof to a new address: `verifyAddress` gives it to the account. */
  requestAddressChange(email, password) {
    return this.#callCurrent("AccountService/RequestAddressChange", { email, password });
  }

  /** Takes the digits or the link of a mail: the address is proved, and the account's. */
  async verifyAddress(proof) {
    const userId = await this.#current();
    const { account: found } = await this.calls.call("AccountService/VerifyAddress", { proof }, userId);
    await this.#note(userId, { email: found.email ?? "" });
  }

  /**
   * Deletes the account and all its data at once, on the server and here. `proof`: `{password}` or
   * `{recoveryCode}`. Repeating it completes it.
   */
  async deleteAccount(email, proof) {
    const userId = await this.#current();
    try {
      await this.calls.call("AccountService/DeleteAccount", { email, confirmation: deletionPhrase, immediately: true, proof }, userId);
    } catch (error) {
      if (error.kind !== "accountErased") throw error;
    }
    await this.store.change((state) => state.dropAccount(userId));
    this.accountChanged();
  }

  #current() {
    return this.store.read((state) => state.settings.current);
  }

  async #callCurrent(method, message) {
    return this.calls.call(method, message, await this.#current());
  }
}

// Serves the page from a cache, so that it opens without a network from the second moment of the
// first visit on. One version is one set of files: the list below names each file with its hash,
// and a set of which one file differs is not installed. So a visit during a deployment cannot mix
// two versions, and this script changes whenever any file does, which is how a browser finds an
// update. `scripts/page` writes the list; a test compares it with the files.
//
// The page registers this script once it is drawn. The files that it then fetches are no part of
// the first load, because nothing waits for them: the person can tap meanwhile.

// MARK: files (written by scripts/page)
const files = {
  "/app.css": "98cd37d6d26f0a60",
  "/i18n/de.js": "a50d70f7f2a89be9",
  "/i18n/en-more.js": "5be18d3ad2e79da3",
  "/i18n/en.js": "705c6da726a64499",
  "/icon-180.png": "8dac7a86f8a3516e",
  "/icon-512.png": "304d66544f133af1",
  "/icon.svg": "0307c3e298bb98c2",
  "/import/csv.js": "fc5071b7f387c4d2",
  "/import/dates.js": "6d816c3e93c929cc",
  "/import/documents.js": "97ea5c0024b16d0d",
  "/import/history.js": "26b665f4205ad43b",
  "/import/loop.js": "d05eb5a8fa78d988",
  "/import/numbers.js": "14caad609e092825",
  "/import/readers.js": "07418391459c6eb0",
  "/import/record.js": "1719d8aa6157f73e",
  "/import/tables.js": "ed585c9c4ff3e7b1",
  "/import/text.js": "84c0225183f8a74d",
  "/import/words.js": "1eae965f07224465",
  "/": "b75311a8520c9aa6",
  "/manifest.webmanifest": "aefa6b1b26297c40",
  "/modules/account.js": "b54e642caf010ff2",
  "/modules/accounts.js": "36bec7ae5b971732",
  "/modules/anonymous.js": "7525f1893f3db07b",
  "/modules/backfill.js": "9b19000db1a38e9e",
  "/modules/background.js": "66c116b521300e91",
  "/modules/bytes.js": "86d1c86baca3432b",
  "/modules/calls.js": "062ab4affc73a9e7",
  "/modules/canonical.js": "513774e412284d65",
  "/modules/capture.js": "e603fe76de7403ce",
  "/modules/client.js": "3a82b86a86e404f7",
  "/modules/clock.js": "31ece48043d6a56d",
  "/modules/day.js": "cbb3b668e0de8fbb",
  "/modules/days.js": "08c92943efef560e",
  "/modules/digest.js": "a81e44aa26232f00",
  "/modules/document.js": "20728437b93ebdce",
  "/modules/explain.js": "41b90cb6ccc077fd",
  "/modules/export.js": "8e8a46d2492c9f29",
  "/modules/habit.js": "26eacacb72df4d7e",
  "/modules/leader.js": "619b4c977b172f43",
  "/modules/locks.js": "56f818acc6021f82",
  "/modules/lost.js": "5a0182fac762cc26",
  "/modules/moving.js": "b297e2e0e1bba802",
  "/modules/queue.js": "0f692a63341d0fe2",
  "/modules/replica.js": "0410c0d3026f9a90",
  "/modules/resolution.js": "9e01e32b7b1c0e57",
  "/modules/rules.js": "26915267c97782c0",
  "/modules/schedule.js": "47adadb026874f3b",
  "/modules/session.js": "28847554d99060c3",
  "/modules/shown.js": "c24f6f9c8ce3541b",
  "/modules/standby.js": "966227a4e62a813c",
  "/modules/state.js": "c17017b7256aa2c8",
  "/modules/store.js": "47f1e74d212bd5a3",
  "/modules/streak.js": "9015f152b8373cf4",
  "/modules/submission.js": "cc954dab51287662",
  "/modules/sync.js": "b8f5086c32702697",
  "/modules/transport.js": "4bf95f82798bfc34",
  "/more.css": "9e573478105fe1a4",
  "/ui/account.js": "090e84da1f418b81",
  "/ui/advice.js": "9d7ec7a1d9e79d4c",
  "/ui/app.js": "9852dbae1cd83d1e",
  "/ui/calendar.js": "5b98adef86198654",
  "/ui/codes.js": "eb54823504bff491",
  "/ui/data.js": "7d9bc773351439ee",
  "/ui/dialog.js": "41d1ee12e4ee7071",
  "/ui/dom.js": "2a1df2b65e986926",
  "/ui/forgot.js": "68c571e4f052877e",
  "/ui/form.js": "087130b4002c5fdc",
  "/ui/frame.js": "da69905793ca1f12",
  "/ui/habit.js": "c7ddfd34d9ec8fa5",
  "/ui/i18n.js": "db62e549067051b1",
  "/ui/mail.js": "05031a1de6f7f752",
  "/ui/main.js": "4db4cc72a9d8e2f2",
  "/ui/migrate.js": "34a15454786081ab",
  "/ui/notices.js": "66028c2329fd8387",
  "/ui/sentences.js": "f2964bd5619a01d1",
  "/ui/service.js": "96f960f7c83022bb",
  "/ui/settings.js": "a60f8b67248ab3a1",
  "/ui/today.js": "df0342a998de8da1",
};
// MARK: end of files

const version = Object.values(files).join("").split("").reduce((sum, digit) => (sum * 31 + digit.charCodeAt(0)) >>> 0, 7);
const cacheName = `page ${version.toString(16)}`;

const hashOf = async (response) => {
  const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return Array.from(new Uint8Array(digest).slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
};

const fill = async () => {
  const cache = await caches.open(cacheName);
  await Promise.all(
    Object.entries(files).map(async ([path, hash]) => {
      if (await cache.match(path)) return;
      // Revalidated, because the browser's own cache may hold another version's file.
      const response = await fetch(path, { cache: "no-cache", credentials: "omit" });
      if (!response.ok) throw new Error(`${path}: status ${response.status}`);
      if ((await hashOf(response.clone())) !== hash) throw new Error(`${path} is of another version`);
      await cache.put(path, response);
    }),
  );
};

// A new version waits until the person takes it, or until every tab of the old one is closed: a
// page keeps the modules that it has begun with.
self.addEventListener("install", (event) => event.waitUntil(fill()));

self.addEventListener("message", ({ data }) => {
  if (data === "use") self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      await Promise.all(names.filter((name) => name.startsWith("page ") && name !== cacheName).map((name) => caches.delete(name)));
      // The first visit is served from here at once.
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  // Calls of the service, and everything that is not of the page, go to the network.
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  const path = request.mode === "navigate" && url.pathname === "/index.html" ? "/" : url.pathname;
  if (!(path in files)) return;
  event.respondWith(caches.open(cacheName).then(async (cache) => (await cache.match(path)) ?? fetch(request)));
});

// Serves the page from a cache, so that it opens without a network from the second moment of the
// first visit on. One version is one set of files: the list below names each file with its hash,
// and a set of which one file differs is not installed. So a visit during a deployment cannot mix
// two versions, and this script changes whenever any file does, which is how a browser finds an
// update. `scripts/page` writes the list; a test compares it with the files.

// MARK: files (written by scripts/page)
const files = {
  "/app.css": "70a7115b471520c8",
  "/i18n/de.js": "7b4ec1bec3c9a153",
  "/i18n/en-more.js": "a3991096d546cbf3",
  "/i18n/en.js": "f7734b3fe63a4f62",
  "/icon-180.png": "8dac7a86f8a3516e",
  "/icon-512.png": "304d66544f133af1",
  "/icon.svg": "0307c3e298bb98c2",
  "/import/csv.js": "6967681a30d4d613",
  "/import/dates.js": "09c1eb11606b63f1",
  "/import/readers.js": "1421435e2c17287d",
  "/import/record.js": "6da62f8cb5907509",
  "/import/words.js": "c6009ec6ea231e0a",
  "/": "b75311a8520c9aa6",
  "/manifest.webmanifest": "aefa6b1b26297c40",
  "/modules/accounts.js": "0ca7a67cd231a98e",
  "/modules/anonymous.js": "53dec4a9fe83cfce",
  "/modules/background.js": "66c116b521300e91",
  "/modules/bytes.js": "49b4f96425b7ce41",
  "/modules/calls.js": "062ab4affc73a9e7",
  "/modules/capture.js": "3e9e485fc52070b4",
  "/modules/client.js": "d386c7d693b9d50a",
  "/modules/clock.js": "31ece48043d6a56d",
  "/modules/day.js": "12cd10bc0016b03d",
  "/modules/days.js": "4b0b01cba05fa0eb",
  "/modules/digest.js": "572890b3b6c43759",
  "/modules/document.js": "bfb004feb0ac4b1d",
  "/modules/export.js": "c168a84f8e548801",
  "/modules/habit.js": "39432f0a896ae7fc",
  "/modules/leader.js": "619b4c977b172f43",
  "/modules/locks.js": "56f818acc6021f82",
  "/modules/lost.js": "032b92180fa66655",
  "/modules/moving.js": "0bf35d49dd6c86bf",
  "/modules/queue.js": "1fb7c32672e40304",
  "/modules/replica.js": "7fa7ba1dc40bf1af",
  "/modules/resolution.js": "e26bab30367ced73",
  "/modules/rules.js": "3dd3e2b0f1e8eaa7",
  "/modules/schedule.js": "47adadb026874f3b",
  "/modules/session.js": "28847554d99060c3",
  "/modules/shown.js": "a54441c0f5f5ec38",
  "/modules/state.js": "5ed26058cbca470f",
  "/modules/store.js": "935de6929c875e2d",
  "/modules/streak.js": "19de2f1504edc339",
  "/modules/submission.js": "253d69ed0c6bdbf2",
  "/modules/sync.js": "4c8be7ee6004162b",
  "/modules/transport.js": "4bf95f82798bfc34",
  "/ui/account.js": "35789d074790624c",
  "/ui/app.js": "4d1fac3b1e63fa17",
  "/ui/calendar.js": "b39a059bff77b678",
  "/ui/codes.js": "c90fc1dba5489bb1",
  "/ui/data.js": "40b239a74f870984",
  "/ui/dialog.js": "41d1ee12e4ee7071",
  "/ui/dom.js": "2a1df2b65e986926",
  "/ui/forgot.js": "94ded0d6f6e706e5",
  "/ui/form.js": "087130b4002c5fdc",
  "/ui/frame.js": "da69905793ca1f12",
  "/ui/habit.js": "b1888a7dc59d9860",
  "/ui/i18n.js": "db62e549067051b1",
  "/ui/mail.js": "cf6d59dd66673cf6",
  "/ui/main.js": "4db4cc72a9d8e2f2",
  "/ui/migrate.js": "cd2d4655eb03fe72",
  "/ui/notices.js": "0a84b30fcedcc951",
  "/ui/sentences.js": "f2964bd5619a01d1",
  "/ui/settings.js": "f56cc444428f1dec",
  "/ui/today.js": "ed9ac80a42125aa6",
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

// Made by codegen/embed-page from the files under Sources/StreakWeb/Page.
#include "streak_web.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char file0[] = {
#embed "../StreakWeb/Page/app.css"
};

static const unsigned char file1[] = {
#embed "../StreakWeb/Page/i18n/de.js"
};

static const unsigned char file2[] = {
#embed "../StreakWeb/Page/i18n/en-more.js"
};

static const unsigned char file3[] = {
#embed "../StreakWeb/Page/i18n/en.js"
};

static const unsigned char file4[] = {
#embed "../StreakWeb/Page/icon-180.png"
};

static const unsigned char file5[] = {
#embed "../StreakWeb/Page/icon-512.png"
};

static const unsigned char file6[] = {
#embed "../StreakWeb/Page/icon.svg"
};

static const unsigned char file7[] = {
#embed "../StreakWeb/Page/import/csv.js"
};

static const unsigned char file8[] = {
#embed "../StreakWeb/Page/import/dates.js"
};

static const unsigned char file9[] = {
#embed "../StreakWeb/Page/import/documents.js"
};

static const unsigned char file10[] = {
#embed "../StreakWeb/Page/import/history.js"
};

static const unsigned char file11[] = {
#embed "../StreakWeb/Page/import/loop.js"
};

static const unsigned char file12[] = {
#embed "../StreakWeb/Page/import/numbers.js"
};

static const unsigned char file13[] = {
#embed "../StreakWeb/Page/import/readers.js"
};

static const unsigned char file14[] = {
#embed "../StreakWeb/Page/import/record.js"
};

static const unsigned char file15[] = {
#embed "../StreakWeb/Page/import/tables.js"
};

static const unsigned char file16[] = {
#embed "../StreakWeb/Page/import/text.js"
};

static const unsigned char file17[] = {
#embed "../StreakWeb/Page/import/words.js"
};

static const unsigned char file18[] = {
#embed "../StreakWeb/Page/index.html"
};

static const unsigned char file19[] = {
#embed "../StreakWeb/Page/manifest.webmanifest"
};

static const unsigned char file20[] = {
#embed "../StreakWeb/Page/modules/account.js"
};

static const unsigned char file21[] = {
#embed "../StreakWeb/Page/modules/accounts.js"
};

static const unsigned char file22[] = {
#embed "../StreakWeb/Page/modules/anonymous.js"
};

static const unsigned char file23[] = {
#embed "../StreakWeb/Page/modules/backfill.js"
};

static const unsigned char file24[] = {
#embed "../StreakWeb/Page/modules/background.js"
};

static const unsigned char file25[] = {
#embed "../StreakWeb/Page/modules/bytes.js"
};

static const unsigned char file26[] = {
#embed "../StreakWeb/Page/modules/calls.js"
};

static const unsigned char file27[] = {
#embed "../StreakWeb/Page/modules/canonical.js"
};

static const unsigned char file28[] = {
#embed "../StreakWeb/Page/modules/capture.js"
};

static const unsigned char file29[] = {
#embed "../StreakWeb/Page/modules/client.js"
};

static const unsigned char file30[] = {
#embed "../StreakWeb/Page/modules/clock.js"
};

static const unsigned char file31[] = {
#embed "../StreakWeb/Page/modules/day.js"
};

static const unsigned char file32[] = {
#embed "../StreakWeb/Page/modules/days.js"
};

static const unsigned char file33[] = {
#embed "../StreakWeb/Page/modules/digest.js"
};

static const unsigned char file34[] = {
#embed "../StreakWeb/Page/modules/document.js"
};

static const unsigned char file35[] = {
#embed "../StreakWeb/Page/modules/explain.js"
};

static const unsigned char file36[] = {
#embed "../StreakWeb/Page/modules/export.js"
};

static const unsigned char file37[] = {
#embed "../StreakWeb/Page/modules/habit.js"
};

static const unsigned char file38[] = {
#embed "../StreakWeb/Page/modules/leader.js"
};

static const unsigned char file39[] = {
#embed "../StreakWeb/Page/modules/locks.js"
};

static const unsigned char file40[] = {
#embed "../StreakWeb/Page/modules/lost.js"
};

static const unsigned char file41[] = {
#embed "../StreakWeb/Page/modules/moving.js"
};

static const unsigned char file42[] = {
#embed "../StreakWeb/Page/modules/queue.js"
};

static const unsigned char file43[] = {
#embed "../StreakWeb/Page/modules/replica.js"
};

static const unsigned char file44[] = {
#embed "../StreakWeb/Page/modules/resolution.js"
};

static const unsigned char file45[] = {
#embed "../StreakWeb/Page/modules/rules.js"
};

static const unsigned char file46[] = {
#embed "../StreakWeb/Page/modules/schedule.js"
};

static const unsigned char file47[] = {
#embed "../StreakWeb/Page/modules/session.js"
};

static const unsigned char file48[] = {
#embed "../StreakWeb/Page/modules/shown.js"
};

static const unsigned char file49[] = {
#embed "../StreakWeb/Page/modules/standby.js"
};

static const unsigned char file50[] = {
#embed "../StreakWeb/Page/modules/state.js"
};

static const unsigned char file51[] = {
#embed "../StreakWeb/Page/modules/store.js"
};

static const unsigned char file52[] = {
#embed "../StreakWeb/Page/modules/streak.js"
};

static const unsigned char file53[] = {
#embed "../StreakWeb/Page/modules/submission.js"
};

static const unsigned char file54[] = {
#embed "../StreakWeb/Page/modules/sync.js"
};

static const unsigned char file55[] = {
#embed "../StreakWeb/Page/modules/transport.js"
};

static const unsigned char file56[] = {
#embed "../StreakWeb/Page/more.css"
};

static const unsigned char file57[] = {
#embed "../StreakWeb/Page/service-worker.js"
};

static const unsigned char file58[] = {
#embed "../StreakWeb/Page/ui/account.js"
};

static const unsigned char file59[] = {
#embed "../StreakWeb/Page/ui/advice.js"
};

static const unsigned char file60[] = {
#embed "../StreakWeb/Page/ui/app.js"
};

static const unsigned char file61[] = {
#embed "../StreakWeb/Page/ui/calendar.js"
};

static const unsigned char file62[] = {
#embed "../StreakWeb/Page/ui/codes.js"
};

static const unsigned char file63[] = {
#embed "../StreakWeb/Page/ui/data.js"
};

static const unsigned char file64[] = {
#embed "../StreakWeb/Page/ui/dialog.js"
};

static const unsigned char file65[] = {
#embed "../StreakWeb/Page/ui/dom.js"
};

static const unsigned char file66[] = {
#embed "../StreakWeb/Page/ui/forgot.js"
};

static const unsigned char file67[] = {
#embed "../StreakWeb/Page/ui/form.js"
};

static const unsigned char file68[] = {
#embed "../StreakWeb/Page/ui/frame.js"
};

static const unsigned char file69[] = {
#embed "../StreakWeb/Page/ui/habit.js"
};

static const unsigned char file70[] = {
#embed "../StreakWeb/Page/ui/i18n.js"
};

static const unsigned char file71[] = {
#embed "../StreakWeb/Page/ui/mail.js"
};

static const unsigned char file72[] = {
#embed "../StreakWeb/Page/ui/main.js"
};

static const unsigned char file73[] = {
#embed "../StreakWeb/Page/ui/migrate.js"
};

static const unsigned char file74[] = {
#embed "../StreakWeb/Page/ui/notices.js"
};

static const unsigned char file75[] = {
#embed "../StreakWeb/Page/ui/sentences.js"
};

static const unsigned char file76[] = {
#embed "../StreakWeb/Page/ui/service.js"
};

static const unsigned char file77[] = {
#embed "../StreakWeb/Page/ui/settings.js"
};

static const unsigned char file78[] = {
#embed "../StreakWeb/Page/ui/today.js"
};

static const struct streak_web_file files[] = {
  {"app.css", file0, sizeof file0},
  {"i18n/de.js", file1, sizeof file1},
  {"i18n/en-more.js", file2, sizeof file2},
  {"i18n/en.js", file3, sizeof file3},
  {"icon-180.png", file4, sizeof file4},
  {"icon-512.png", file5, sizeof file5},
  {"icon.svg", file6, sizeof file6},
  {"import/csv.js", file7, sizeof file7},
  {"import/dates.js", file8, sizeof file8},
  {"import/documents.js", file9, sizeof file9},
  {"import/history.js", file10, sizeof file10},
  {"import/loop.js", file11, sizeof file11},
  {"import/numbers.js", file12, sizeof file12},
  {"import/readers.js", file13, sizeof file13},
  {"import/record.js", file14, sizeof file14},
  {"import/tables.js", file15, sizeof file15},
  {"import/text.js", file16, sizeof file16},
  {"import/words.js", file17, sizeof file17},
  {"index.html", file18, sizeof file18},
  {"manifest.webmanifest", file19, sizeof file19},
  {"modules/account.js", file20, sizeof file20},
  {"modules/accounts.js", file21, sizeof file21},
  {"modules/anonymous.js", file22, sizeof file22},
  {"modules/backfill.js", file23, sizeof file23},
  {"modules/background.js", file24, sizeof file24},
  {"modules/bytes.js", file25, sizeof file25},
  {"modules/calls.js", file26, sizeof file26},
  {"modules/canonical.js", file27, sizeof file27},
  {"modules/capture.js", file28, sizeof file28},
  {"modules/client.js", file29, sizeof file29},
  {"modules/clock.js", file30, sizeof file30},
  {"modules/day.js", file31, sizeof file31},
  {"modules/days.js", file32, sizeof file32},
  {"modules/digest.js", file33, sizeof file33},
  {"modules/document.js", file34, sizeof file34},
  {"modules/explain.js", file35, sizeof file35},
  {"modules/export.js", file36, sizeof file36},
  {"modules/habit.js", file37, sizeof file37},
  {"modules/leader.js", file38, sizeof file38},
  {"modules/locks.js", file39, sizeof file39},
  {"modules/lost.js", file40, sizeof file40},
  {"modules/moving.js", file41, sizeof file41},
  {"modules/queue.js", file42, sizeof file42},
  {"modules/replica.js", file43, sizeof file43},
  {"modules/resolution.js", file44, sizeof file44},
  {"modules/rules.js", file45, sizeof file45},
  {"modules/schedule.js", file46, sizeof file46},
  {"modules/session.js", file47, sizeof file47},
  {"modules/shown.js", file48, sizeof file48},
  {"modules/standby.js", file49, sizeof file49},
  {"modules/state.js", file50, sizeof file50},
  {"modules/store.js", file51, sizeof file51},
  {"modules/streak.js", file52, sizeof file52},
  {"modules/submission.js", file53, sizeof file53},
  {"modules/sync.js", file54, sizeof file54},
  {"modules/transport.js", file55, sizeof file55},
  {"more.css", file56, sizeof file56},
  {"service-worker.js", file57, sizeof file57},
  {"ui/account.js", file58, sizeof file58},
  {"ui/advice.js", file59, sizeof file59},
  {"ui/app.js", file60, sizeof file60},
  {"ui/calendar.js", file61, sizeof file61},
  {"ui/codes.js", file62, sizeof file62},
  {"ui/data.js", file63, sizeof file63},
  {"ui/dialog.js", file64, sizeof file64},
  {"ui/dom.js", file65, sizeof file65},
  {"ui/forgot.js", file66, sizeof file66},
  {"ui/form.js", file67, sizeof file67},
  {"ui/frame.js", file68, sizeof file68},
  {"ui/habit.js", file69, sizeof file69},
  {"ui/i18n.js", file70, sizeof file70},
  {"ui/mail.js", file71, sizeof file71},
  {"ui/main.js", file72, sizeof file72},
  {"ui/migrate.js", file73, sizeof file73},
  {"ui/notices.js", file74, sizeof file74},
  {"ui/sentences.js", file75, sizeof file75},
  {"ui/service.js", file76, sizeof file76},
  {"ui/settings.js", file77, sizeof file77},
  {"ui/today.js", file78, sizeof file78},
};

const struct streak_web_file *streak_web_files(size_t *count) {
  *count = sizeof files / sizeof files[0];
  return files;
}

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
#embed "../StreakWeb/Page/import/readers.js"
};

static const unsigned char file10[] = {
#embed "../StreakWeb/Page/import/record.js"
};

static const unsigned char file11[] = {
#embed "../StreakWeb/Page/import/words.js"
};

static const unsigned char file12[] = {
#embed "../StreakWeb/Page/index.html"
};

static const unsigned char file13[] = {
#embed "../StreakWeb/Page/manifest.webmanifest"
};

static const unsigned char file14[] = {
#embed "../StreakWeb/Page/modules/accounts.js"
};

static const unsigned char file15[] = {
#embed "../StreakWeb/Page/modules/anonymous.js"
};

static const unsigned char file16[] = {
#embed "../StreakWeb/Page/modules/background.js"
};

static const unsigned char file17[] = {
#embed "../StreakWeb/Page/modules/bytes.js"
};

static const unsigned char file18[] = {
#embed "../StreakWeb/Page/modules/calls.js"
};

static const unsigned char file19[] = {
#embed "../StreakWeb/Page/modules/capture.js"
};

static const unsigned char file20[] = {
#embed "../StreakWeb/Page/modules/client.js"
};

static const unsigned char file21[] = {
#embed "../StreakWeb/Page/modules/clock.js"
};

static const unsigned char file22[] = {
#embed "../StreakWeb/Page/modules/day.js"
};

static const unsigned char file23[] = {
#embed "../StreakWeb/Page/modules/days.js"
};

static const unsigned char file24[] = {
#embed "../StreakWeb/Page/modules/digest.js"
};

static const unsigned char file25[] = {
#embed "../StreakWeb/Page/modules/document.js"
};

static const unsigned char file26[] = {
#embed "../StreakWeb/Page/modules/export.js"
};

static const unsigned char file27[] = {
#embed "../StreakWeb/Page/modules/habit.js"
};

static const unsigned char file28[] = {
#embed "../StreakWeb/Page/modules/leader.js"
};

static const unsigned char file29[] = {
#embed "../StreakWeb/Page/modules/locks.js"
};

static const unsigned char file30[] = {
#embed "../StreakWeb/Page/modules/lost.js"
};

static const unsigned char file31[] = {
#embed "../StreakWeb/Page/modules/moving.js"
};

static const unsigned char file32[] = {
#embed "../StreakWeb/Page/modules/queue.js"
};

static const unsigned char file33[] = {
#embed "../StreakWeb/Page/modules/replica.js"
};

static const unsigned char file34[] = {
#embed "../StreakWeb/Page/modules/resolution.js"
};

static const unsigned char file35[] = {
#embed "../StreakWeb/Page/modules/rules.js"
};

static const unsigned char file36[] = {
#embed "../StreakWeb/Page/modules/schedule.js"
};

static const unsigned char file37[] = {
#embed "../StreakWeb/Page/modules/session.js"
};

static const unsigned char file38[] = {
#embed "../StreakWeb/Page/modules/shown.js"
};

static const unsigned char file39[] = {
#embed "../StreakWeb/Page/modules/state.js"
};

static const unsigned char file40[] = {
#embed "../StreakWeb/Page/modules/store.js"
};

static const unsigned char file41[] = {
#embed "../StreakWeb/Page/modules/streak.js"
};

static const unsigned char file42[] = {
#embed "../StreakWeb/Page/modules/submission.js"
};

static const unsigned char file43[] = {
#embed "../StreakWeb/Page/modules/sync.js"
};

static const unsigned char file44[] = {
#embed "../StreakWeb/Page/modules/transport.js"
};

static const unsigned char file45[] = {
#embed "../StreakWeb/Page/service-worker.js"
};

static const unsigned char file46[] = {
#embed "../StreakWeb/Page/ui/account.js"
};

static const unsigned char file47[] = {
#embed "../StreakWeb/Page/ui/app.js"
};

static const unsigned char file48[] = {
#embed "../StreakWeb/Page/ui/calendar.js"
};

static const unsigned char file49[] = {
#embed "../StreakWeb/Page/ui/codes.js"
};

static const unsigned char file50[] = {
#embed "../StreakWeb/Page/ui/data.js"
};

static const unsigned char file51[] = {
#embed "../StreakWeb/Page/ui/dialog.js"
};

static const unsigned char file52[] = {
#embed "../StreakWeb/Page/ui/dom.js"
};

static const unsigned char file53[] = {
#embed "../StreakWeb/Page/ui/forgot.js"
};

static const unsigned char file54[] = {
#embed "../StreakWeb/Page/ui/form.js"
};

static const unsigned char file55[] = {
#embed "../StreakWeb/Page/ui/frame.js"
};

static const unsigned char file56[] = {
#embed "../StreakWeb/Page/ui/habit.js"
};

static const unsigned char file57[] = {
#embed "../StreakWeb/Page/ui/i18n.js"
};

static const unsigned char file58[] = {
#embed "../StreakWeb/Page/ui/mail.js"
};

static const unsigned char file59[] = {
#embed "../StreakWeb/Page/ui/main.js"
};

static const unsigned char file60[] = {
#embed "../StreakWeb/Page/ui/migrate.js"
};

static const unsigned char file61[] = {
#embed "../StreakWeb/Page/ui/notices.js"
};

static const unsigned char file62[] = {
#embed "../StreakWeb/Page/ui/sentences.js"
};

static const unsigned char file63[] = {
#embed "../StreakWeb/Page/ui/settings.js"
};

static const unsigned char file64[] = {
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
  {"import/readers.js", file9, sizeof file9},
  {"import/record.js", file10, sizeof file10},
  {"import/words.js", file11, sizeof file11},
  {"index.html", file12, sizeof file12},
  {"manifest.webmanifest", file13, sizeof file13},
  {"modules/accounts.js", file14, sizeof file14},
  {"modules/anonymous.js", file15, sizeof file15},
  {"modules/background.js", file16, sizeof file16},
  {"modules/bytes.js", file17, sizeof file17},
  {"modules/calls.js", file18, sizeof file18},
  {"modules/capture.js", file19, sizeof file19},
  {"modules/client.js", file20, sizeof file20},
  {"modules/clock.js", file21, sizeof file21},
  {"modules/day.js", file22, sizeof file22},
  {"modules/days.js", file23, sizeof file23},
  {"modules/digest.js", file24, sizeof file24},
  {"modules/document.js", file25, sizeof file25},
  {"modules/export.js", file26, sizeof file26},
  {"modules/habit.js", file27, sizeof file27},
  {"modules/leader.js", file28, sizeof file28},
  {"modules/locks.js", file29, sizeof file29},
  {"modules/lost.js", file30, sizeof file30},
  {"modules/moving.js", file31, sizeof file31},
  {"modules/queue.js", file32, sizeof file32},
  {"modules/replica.js", file33, sizeof file33},
  {"modules/resolution.js", file34, sizeof file34},
  {"modules/rules.js", file35, sizeof file35},
  {"modules/schedule.js", file36, sizeof file36},
  {"modules/session.js", file37, sizeof file37},
  {"modules/shown.js", file38, sizeof file38},
  {"modules/state.js", file39, sizeof file39},
  {"modules/store.js", file40, sizeof file40},
  {"modules/streak.js", file41, sizeof file41},
  {"modules/submission.js", file42, sizeof file42},
  {"modules/sync.js", file43, sizeof file43},
  {"modules/transport.js", file44, sizeof file44},
  {"service-worker.js", file45, sizeof file45},
  {"ui/account.js", file46, sizeof file46},
  {"ui/app.js", file47, sizeof file47},
  {"ui/calendar.js", file48, sizeof file48},
  {"ui/codes.js", file49, sizeof file49},
  {"ui/data.js", file50, sizeof file50},
  {"ui/dialog.js", file51, sizeof file51},
  {"ui/dom.js", file52, sizeof file52},
  {"ui/forgot.js", file53, sizeof file53},
  {"ui/form.js", file54, sizeof file54},
  {"ui/frame.js", file55, sizeof file55},
  {"ui/habit.js", file56, sizeof file56},
  {"ui/i18n.js", file57, sizeof file57},
  {"ui/mail.js", file58, sizeof file58},
  {"ui/main.js", file59, sizeof file59},
  {"ui/migrate.js", file60, sizeof file60},
  {"ui/notices.js", file61, sizeof file61},
  {"ui/sentences.js", file62, sizeof file62},
  {"ui/settings.js", file63, sizeof file63},
  {"ui/today.js", file64, sizeof file64},
};

const struct streak_web_file *streak_web_files(size_t *count) {
  *count = sizeof files / sizeof files[0];
  return files;
}

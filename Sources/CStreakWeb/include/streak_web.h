#pragma once

#include <stddef.h>

/// A file of the page.
struct streak_web_file {
  /// Its path below the page's folder.
  const char *path;
  const unsigned char *bytes;
  size_t count;
};

/// Every file of the page; they live as long as the program.
const struct streak_web_file *streak_web_files(size_t *count);

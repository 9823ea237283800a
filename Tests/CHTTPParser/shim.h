#pragma once
#include <http_parser.h>

// Macros, or bit fields.
static inline enum http_errno streak_http_errno(const http_parser *parser) { return HTTP_PARSER_ERRNO(parser); }

static inline const char *streak_http_method(const http_parser *parser) {
  return http_method_str((enum http_method)parser->method);
}

// Makes the parser continue with HTTP after a request to upgrade.
static inline void streak_http_ignore_upgrade(http_parser *parser) { parser->upgrade = 0; }

#pragma once
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, so not to be had from Swift: one function
// for each type of value.
static inline CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode ccurl_set_number(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}

// libcurl copies the bytes.
static inline CURLcode ccurl_set_bytes(CURL *handle, CURLoption option, void *bytes, size_t count) {
  struct curl_blob blob = {bytes, count, CURL_BLOB_COPY};
  return curl_easy_setopt(handle, option, &blob);
}

// Where the body comes from.
static inline CURLcode ccurl_set_reader(CURL *handle, curl_read_callback read, void *data) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_READFUNCTION, read);
  return code ? code : curl_easy_setopt(handle, CURLOPT_READDATA, data);
}

// Sees every command; only with CURLOPT_VERBOSE.
static inline CURLcode ccurl_set_observer(CURL *handle, curl_debug_callback observe, void *data) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_DEBUGFUNCTION, observe);
  return code ? code : curl_easy_setopt(handle, CURLOPT_DEBUGDATA, data);
}

static inline long ccurl_response_code(CURL *handle) {
  long code = 0;
  return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code) == CURLE_OK ? code : 0;
}

// Load for streaming calls of bench.Echo with messages of 1 KiB, as fast as the server takes and
// sends them, over one connection. usage: stream_load PORT Collect|Repeat|Chat STREAMS SECONDS
// Prints {"messages": N}: those that the server has taken (Collect), sent (Repeat), or taken and
// sent back (Chat).
// Exits with status 1 unless every call ends with grpc-status 0.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD_BYTES = 1021, MESSAGE_BYTES = 5 + 3 + PAYLOAD_BYTES, WINDOW_BYTES = 1 << 20, OUTPUT_BYTES = 1 << 17 };

struct stream {
  size_t sent;
};

static uint8_t pattern[MESSAGE_BYTES];
static nghttp2_session *session;
static const char *method;
static int sends_many, is_over;
static long open_calls, failed_calls;
static unsigned long long sent_bytes, received_bytes;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void die(const char *what) {
  fprintf(stderr, "stream_load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static ssize_t read_message(nghttp2_session *s, int32_t id, uint8_t *buffer, size_t capacity, uint32_t *flags,
                            nghttp2_data_source *source, void *user) {
  (void)s, (void)id, (void)user;
  struct stream *stream = source->ptr;
  size_t count = 0;
  while (count < capacity) {
    size_t offset = stream->sent % MESSAGE_BYTES;
    if (offset == 0 && stream->sent > 0 && (is_over || !sends_many)) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      break;
    }
    size_t part = MESSAGE_BYTES - offset;
    if (part > capacity - count) part = capacity - count;
    memcpy(buffer + count, pattern + offset, part);
    count += part;
    stream->sent += part;
  }
  sent_bytes += count;
  return (ssize_t)count;
}

#define FIELD(NAME, VALUE) {(uint8_t *)(NAME), (uint8_t *)(VALUE), sizeof(NAME) - 1, strlen(VALUE), NGHTTP2_NV_FLAG_NONE}

static void start_call(struct stream *stream) {
  char path[64];
  snprintf(path, sizeof path, "/bench.Echo/%s", method);
  nghttp2_nv fields[] = {FIELD(":method", "POST"), FIELD(":scheme", "http"), FIELD(":path", path),
                         FIELD(":authority", "127.0.0.1"), FIELD("te", "trailers"),
                         FIELD("content-type", "application/grpc")};
  stream->sent = 0;
  nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_message};
  if (nghttp2_submit_request(session, NULL, fields, sizeof fields / sizeof *fields, &provider, stream) < 0) die("request");
  open_calls++;
}

static int data_received(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *data, size_t count, void *user) {
  (void)s, (void)flags, (void)id, (void)data, (void)user;
  received_bytes += count;
  return 0;
}

static int header_received(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t name_count,
                           const uint8_t *value, size_t value_count, uint8_t flags, void *user) {
  (void)s, (void)frame, (void)flags, (void)user;
  if (name_count == 11 && memcmp(name, "grpc-status", 11) == 0 && (value_count != 1 || *value != '0')) failed_calls++;
  return 0;
}

static int stream_closed(nghttp2_session *s, int32_t id, uint32_t code, void *user) {
  (void)user;
  open_calls--;
  if (code != NGHTTP2_NO_ERROR) failed_calls++;
  if (!is_over) start_call(nghttp2_session_get_stream_user_data(s, id));
  return 0;
}

int main(int count, char **arguments) {
  if (count != 5) return 64;
  method = arguments[2];
  sends_many = strcmp(method, "Repeat") != 0;
  int streams = atoi(arguments[3]);
  double end = now() + atof(arguments[4]);

  // An EchoMessage with nothing but a payload: 1,024 bytes after the prefix.
  memset(pattern, 'x', sizeof pattern);
  memcpy(pattern, (uint8_t[]){0, 0, 0, 4, 0, 0x12, 0x80 | (PAYLOAD_BYTES & 127), PAYLOAD_BYTES >> 7}, 8);

  int peer = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  fcntl(peer, F_SETFL, O_NONBLOCK);

  nghttp2_session_callbacks *callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_received);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, header_received);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
  nghttp2_session_client_new(&session, callbacks, NULL);
  nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 1);
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW_BYTES);
  struct stream *all = calloc((size_t)streams, sizeof *all);
  for (int n = 0; n < streams; n++) start_call(&all[n]);

  static uint8_t output[OUTPUT_BYTES], input[OUTPUT_BYTES];
  size_t start = 0, filled = 0;
  while (open_calls > 0) {
    if (!is_over && now() >= end) is_over = 1;
    if (now() > end + 20) die("calls do not end");
    while (start == filled) {
      // All available bytes, in pieces of at most a frame.
      start = filled = 0;
      const uint8_t *data;
      ssize_t more;
      while (filled + 16384 + 9 <= sizeof output && (more = nghttp2_session_mem_send(session, &data)) > 0) {
        memcpy(output + filled, data, (size_t)more);
        filled += (size_t)more;
      }
      if (filled == 0) break;
      ssize_t written = write(peer, output, filled);
      if (written < 0 && errno != EAGAIN) die("write");
      if (written > 0) start = (size_t)written;
      if (start < filled) break;
    }
    struct pollfd wait = {.fd = peer, .events = (short)(POLLIN | (start < filled ? POLLOUT : 0))};
    if (poll(&wait, 1, 100) < 0) die("poll");
    if (wait.revents & POLLOUT) {
      ssize_t written = write(peer, output + start, filled - start);
      if (written > 0) start += (size_t)written;
    }
    if (wait.revents & POLLIN) {
      ssize_t got = read(peer, input, sizeof input);
      if (got == 0 || (got < 0 && errno != EAGAIN)) die("the server hung up");
      if (got > 0 && nghttp2_session_mem_recv(session, input, (size_t)got) < 0) die("not HTTP/2");
    }
  }
  unsigned long long messages = (sends_many ? sent_bytes : received_bytes) / MESSAGE_BYTES;
  if (strcmp(method, "Chat") == 0 && received_bytes != sent_bytes) failed_calls++;
  printf("{\"messages\": %llu, \"failed\": %ld}\n", messages, failed_calls);
  return failed_calls > 0 || messages == 0;
}

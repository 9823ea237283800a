// Load with unary calls whose order matters, such as the operations of devices' queues.
// usage: ordered_load PORT|SOCKET PATH FILE CONNECTIONS CALLERS SECONDS
// SOCKET: a Unix socket's path, with a slash.
// FILE: lines "authorization-value TAB hex of the message". Of N callers the n-th sends lines n, n
// + N, n + 2N, ... one after the other.
// Prints {"ok": calls, "rps": calls per second, "p50": us, "p99": us}. Exits with status 1 if a
// call fails. A caller without further lines stops sending.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BODY_BYTES_MAX = 4096, OUTPUT_BYTES = 1 << 17, CONNECTIONS_MAX = 64, LATENCIES_MAX = 4000000 };

struct line {
  char *authorization;
  uint8_t *message;
  size_t byte_count;
};

struct connection {
  int peer;
  nghttp2_session *session;
  uint8_t output[OUTPUT_BYTES];
  size_t start, filled;
};

struct caller {
  struct connection *connection;
  size_t next_line;
  double began;
  int succeeded;
};

static struct line *lines;
static size_t line_count, caller_count;
static const char *path;
static int is_over;
static long open_calls, good_calls, bad_calls;
static float *latencies;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void die(const char *what) {
  fprintf(stderr, "ordered_load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void read_lines(const char *name) {
  FILE *file = fopen(name, "r");
  if (!file) die(name);
  size_t room = 0, capacity = 0;
  ssize_t length;
  char *text = NULL;
  while ((length = getline(&text, &capacity, file)) > 0) {
    if (line_count == room && !(lines = realloc(lines, (room = room * 2 + 1024) * sizeof *lines))) die("memory");
    char *hex = strchr(text, '\t');
    if (!hex) die("a line without TAB");
    struct line *line = &lines[line_count++];
    line->authorization = strndup(text, (size_t)(hex - text));
    line->byte_count = (size_t)(text + length - hex - 1) / 2;
    if (line->byte_count > BODY_BYTES_MAX) die("a message too large");
    line->message = malloc(5 + line->byte_count);
    memcpy(line->message, (uint8_t[]){0, 0, 0, line->byte_count >> 8, line->byte_count & 255}, 5);
    for (size_t n = 0; n < line->byte_count; n++) sscanf(hex + 1 + 2 * n, "%2hhx", &line->message[5 + n]);
  }
  free(text);
  fclose(file);
}

static ssize_t read_message(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t capacity, uint32_t *flags,
                            nghttp2_data_source *source, void *user) {
  (void)session, (void)id, (void)user;
  struct line *line = source->ptr;
  if (capacity < 5 + line->byte_count) return NGHTTP2_ERR_CALLBACK_FAILURE;
  memcpy(buffer, line->message, 5 + line->byte_count);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)(5 + line->byte_count);
}

#define FIELD(NAME, VALUE) \
  {(uint8_t *)(NAME), (uint8_t *)(VALUE), sizeof(NAME) - 1, strlen(VALUE), NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE}

static void start_call(struct caller *caller) {
  // A caller without further lines stops: that can lower the measured rate, never raise it.
  if (caller->next_line >= line_count) return;
  struct line *line = &lines[caller->next_line];
  caller->next_line += caller_count;
  caller->succeeded = 0;
  caller->began = now();
  nghttp2_nv fields[] = {FIELD(":method", "POST"), FIELD(":scheme", "http"), FIELD(":path", path),
                         FIELD(":authority", "127.0.0.1"), FIELD("te", "trailers"),
                         FIELD("content-type", "application/grpc"), FIELD("authorization", line->authorization)};
  nghttp2_data_provider provider = {.source.ptr = line, .read_callback = read_message};
  if (nghttp2_submit_request(caller->connection->session, NULL, fields, sizeof fields / sizeof *fields, &provider, caller) < 0)
    die("request");
  open_calls++;
}

static int header_received(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_count,
                           const uint8_t *value, size_t value_count, uint8_t flags, void *user) {
  (void)flags, (void)user;
  struct caller *caller = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (caller && name_count == 11 && memcmp(name, "grpc-status", 11) == 0) caller->succeeded = value_count == 1 && *value == '0';
  return 0;
}

static int stream_closed(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
  (void)user;
  struct caller *caller = nghttp2_session_get_stream_user_data(session, id);
  open_calls--;
  if (is_over) return 0;
  if (code != NGHTTP2_NO_ERROR || !caller->succeeded) bad_calls++;
  else if (good_calls < LATENCIES_MAX) latencies[good_calls++] = (float)((now() - caller->began) * 1e6);
  start_call(caller);
  return 0;
}

static void send_output(struct connection *connection) {
  for (;;) {
    if (connection->start == connection->filled) {
      connection->start = connection->filled = 0;
      const uint8_t *data;
      ssize_t more;
      while (connection->filled + 16384 + 9 <= OUTPUT_BYTES && (more = nghttp2_session_mem_send(connection->session, &data)) > 0) {
        memcpy(connection->output + connection->filled, data, (size_t)more);
        connection->filled += (size_t)more;
      }
      if (connection->filled == 0) return;
    }
    ssize_t written = write(connection->peer, connection->output + connection->start, connection->filled - connection->start);
    if (written < 0 && errno != EAGAIN) die("write");
    if (written < 0) return;
    connection->start += (size_t)written;
  }
}

static int by_size(const void *left, const void *right) {
  float difference = *(const float *)left - *(const float *)right;
  return difference < 0 ? -1 : difference > 0;
}

// Connects to a port of loopback or, for a path, to a Unix socket.
static int connect_to(const char *place) {
  int yes = 1, peer;
  if (strchr(place, '/')) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(place) >= sizeof address.sun_path) die("path");
    strcpy(address.sun_path, place);
    peer = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  } else {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(place))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  fcntl(peer, F_SETFL, O_NONBLOCK);
  return peer;
}

int main(int count, char **arguments) {
  if (count != 7) return 64;
  path = arguments[2];
  read_lines(arguments[3]);
  int connection_count = atoi(arguments[4]);
  caller_count = (size_t)atoi(arguments[5]);
  if (connection_count < 1 || connection_count > CONNECTIONS_MAX || caller_count < 1) return 64;
  latencies = malloc(LATENCIES_MAX * sizeof *latencies);

  nghttp2_session_callbacks *callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, header_received);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
  static struct connection connections[CONNECTIONS_MAX];
  for (int n = 0; n < connection_count; n++) {
    connections[n].peer = connect_to(arguments[1]);
    nghttp2_session_client_new(&connections[n].session, callbacks, &connections[n]);
    nghttp2_submit_settings(connections[n].session, NGHTTP2_FLAG_NONE, NULL, 0);
    nghttp2_session_set_local_window_size(connections[n].session, NGHTTP2_FLAG_NONE, 0, 1 << 24);
  }
  double began = now(), end = began + atof(arguments[6]);
  struct caller *callers = calloc(caller_count, sizeof *callers);
  for (size_t n = 0; n < caller_count; n++) {
    callers[n].connection = &connections[n % (size_t)connection_count];
    callers[n].next_line = n;
    start_call(&callers[n]);
  }
  double took = 0;
  // Waits for the running calls, so that the next run starts from final sequence numbers.
  while (open_calls > 0) {
    if (!is_over && now() >= end) is_over = 1, took = now() - began;
    if (now() > end + 20) die("calls do not end");
    struct pollfd waits[CONNECTIONS_MAX];
    for (int n = 0; n < connection_count; n++) {
      send_output(&connections[n]);
      short wanted = (short)(POLLIN | (connections[n].start < connections[n].filled ? POLLOUT : 0));
      waits[n] = (struct pollfd){.fd = connections[n].peer, .events = wanted};
    }
    if (poll(waits, (nfds_t)connection_count, 100) < 0) die("poll");
    for (int n = 0; n < connection_count; n++) {
      static uint8_t input[OUTPUT_BYTES];
      if (!(waits[n].revents & POLLIN)) continue;
      ssize_t got = read(connections[n].peer, input, sizeof input);
      if (got == 0 || (got < 0 && errno != EAGAIN)) die("the server hung up");
      if (got > 0 && nghttp2_session_mem_recv(connections[n].session, input, (size_t)got) < 0) die("not HTTP/2");
    }
  }
  qsort(latencies, (size_t)good_calls, sizeof *latencies, by_size);
  double p50 = good_calls ? latencies[good_calls / 2] : 0, p99 = good_calls ? latencies[good_calls * 99 / 100] : 0;
  printf("{\"ok\": %ld, \"bad\": %ld, \"rps\": %.1f, \"p50\": %.1f, \"p99\": %.1f}\n", good_calls, bad_calls, (double)good_calls / took, p50, p99);
  return bad_calls > 0 || good_calls == 0;
}

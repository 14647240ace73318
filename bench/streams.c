/* Holds many event streams open and counts events. Usage: streams PORT COUNT MILLISECONDS REQUEST
 *
 * All streams are opened at once. When each has its first event it says "open", waits for a byte
 * on stdin, counts for MILLISECONDS, prints "EVENTS P50 P99" (microseconds to the first event) and
 * holds the streams until stdin ends.
 * Anything but a 200 and a stream that goes on is a failure, said on stderr. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000L
#define OPEN_LIMIT (30 * SECOND)

struct stream {
    int fd, asked, last_newline;
    size_t seen; /* bytes */
    long first;  /* nanoseconds from the start of all to its first event, or 0 */
};

static char *request;
static size_t request_size;
static int poller, opened, number;
static long began, events;

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void fail(const char *why) {
    fprintf(stderr, "%s (%d of %d streams open)\n", why, opened, number);
    exit(1);
}

static void dial(struct stream *stream, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(stream->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        fail("cannot connect");
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = stream};
    epoll_ctl(poller, EPOLL_CTL_ADD, stream->fd, &event);
}

static void ask(struct stream *stream) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
    if (send(stream->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
        fail("cannot send");
    stream->asked = 1;
    epoll_ctl(poller, EPOLL_CTL_MOD, stream->fd, &event);
}

/* An event ends with an empty line; framing and head have CR before each LF. */
static long count(struct stream *stream, const char *data, ssize_t size) {
    long found = 0;
    for (ssize_t i = 0; i < size; i++) {
        int newline = data[i] == '\n';
        found += newline && stream->last_newline;
        stream->last_newline = newline && !stream->last_newline;
    }
    return found;
}

static void hear(struct stream *stream) {
    static char data[65536];
    ssize_t size = recv(stream->fd, data, sizeof data, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) fail("a stream ended");
    if (!stream->seen && (size < 12 || memcmp(data, "HTTP/1.1 200", 12))) fail("not a 200");
    stream->seen += (size_t)size;
    long found = count(stream, data, size);
    events += found;
    if (found && !stream->first) {
        stream->first = now() - began;
        opened++;
    }
}

static void turn(void) {
    struct epoll_event ready[256];
    int some = epoll_wait(poller, ready, 256, 10);
    for (int i = 0; i < some; i++) {
        struct stream *stream = ready[i].data.ptr;
        if (!stream->asked && ready[i].events & EPOLLOUT) ask(stream);
        if (ready[i].events & ~EPOLLOUT) hear(stream);
    }
}

static int earlier(const void *one, const void *other) {
    long a = ((const struct stream *)one)->first, b = ((const struct stream *)other)->first;
    return (a > b) - (a < b);
}

int main(int arguments, char **argument) {
    if (arguments != 5) return 2;
    char byte;
    number = atoi(argument[2]);
    request = argument[4];
    request_size = strlen(request);
    struct stream *streams = calloc((size_t)number, sizeof *streams);
    poller = epoll_create1(0);
    began = now();
    for (int i = 0; i < number; i++) dial(&streams[i], atoi(argument[1]));
    while (opened < number) {
        turn();
        if (now() - began > OPEN_LIMIT) fail("not all open in time");
    }
    puts("open");
    fflush(stdout);
    if (read(0, &byte, 1) != 1) return 1;
    events = 0;
    for (long end = now() + atol(argument[3]) * 1000000L; now() < end;) turn();
    qsort(streams, (size_t)number, sizeof *streams, earlier);
    printf("%ld %ld %ld\n", events, streams[number / 2].first / 1000,
           streams[number * 99 / 100].first / 1000);
    fflush(stdout);
    return read(0, &byte, 1) == 0 ? 0 : 1;
}

/* An engine that costs almost nothing: one thread, epoll, keep-alive. Usage: backend PORT SOCKET
 *
 * Every answer is a reply to a body with Content-Length. Words at the start of a prompt in its
 * first kilobyte choose: "sse MS" streams an event every MS milliseconds until the client goes,
 * "down BYTES" sends that many, "hold" is not answered: when its client has gone, the time is
 * printed (CLOCK_MONOTONIC, ns). Anything else gets 200 bytes of JSON with the count received. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEAD_ROOM 16384
#define PEEK 1024
#define CLIENTS 16384
#define BLOCK (1 << 20)

struct client {
    int fd, slot;            /* slot: its place among the streams, or -1 */
    size_t size;             /* bytes in data: a head and the start of its body */
    size_t body, left;       /* of the request; left == body until the head is read */
    int in_body, held;
    size_t down;             /* bytes still to send */
    long interval, due;      /* of a stream, nanoseconds */
    size_t sent;             /* of the current event */
    char data[HEAD_ROOM];
};

static struct client *streams[CLIENTS];
static int stream_count, poller;
static char block[BLOCK];
static const char event_head[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char chunk[] = "67\r\ndata: {\"id\": \"bench\", \"object\": \"text_completion\", "
                            "\"choices\": [{\"index\": 0, \"text\": \" token\"}]}      \n\n\r\n";

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void drop(struct client *client) {
    if (client->held) {
        printf("%ld\n", now());
        fflush(stdout);
    }
    if (client->slot >= 0) {
        streams[client->slot] = streams[--stream_count];
        streams[client->slot]->slot = client->slot;
    }
    close(client->fd);
    free(client);
}

static void watch(struct client *client, unsigned events, int how) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    epoll_ctl(poller, how, client->fd, &event);
}

static int send_all(struct client *client, const char *data, size_t size) {
    return send(client->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static int send_json(struct client *client) {
    char text[512], *end = text;
    end += sprintf(end, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: 200\r\n\r\n");
    end += sprintf(end, "{\"received\": %-12zu, \"text\": \"%0162d\"}", client->body, 0);
    return send_all(client, text, (size_t)(end - text));
}

/* 0 when the client is to be dropped. What the socket does not take waits for EPOLLOUT. */
static int send_down(struct client *client) {
    while (client->down) {
        size_t size = client->down < BLOCK ? client->down : BLOCK;
        ssize_t sent = send(client->fd, block, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return 0;
        if (sent < 0) {
            watch(client, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return 1;
        }
        client->down -= (size_t)sent;
    }
    watch(client, EPOLLIN, EPOLL_CTL_MOD);
    return 1;
}

static int begin_down(struct client *client, size_t bytes) {
    char head[200];
    int size = sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                             "Content-Length: %zu\r\n\r\n", bytes);
    client->down = bytes;
    return send_all(client, head, (size_t)size) && send_down(client);
}

/* A slow reader gets fewer events, never half of one. */
static int send_event(struct client *client) {
    size_t size = sizeof chunk - 1 - client->sent;
    ssize_t sent = send(client->fd, chunk + client->sent, size, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    client->sent = (size_t)sent == size ? 0 : client->sent + (size_t)sent;
    return 1;
}

static int begin_stream(struct client *client, long milliseconds) {
    client->interval = milliseconds * 1000000L;
    client->due = now() + rand() % client->interval;
    client->slot = stream_count;
    streams[stream_count++] = client;
    return send_all(client, event_head, sizeof event_head - 1) && send_event(client);
}

static int answer(struct client *client, char *body) {
    char *word;
    if ((word = strstr(body, "\"sse "))) return begin_stream(client, atol(word + 5));
    if ((word = strstr(body, "\"down "))) return begin_down(client, strtoul(word + 6, NULL, 10));
    client->held = strstr(body, "\"hold\"") != NULL;
    return client->held || send_json(client);
}

static size_t body_size(char *head) {
    char *found = strcasestr(head, "\r\ncontent-length:");
    return found ? strtoul(found + 17, NULL, 10) : 0;
}

/* Reads one head and the start of its body out of data; 1 when there is no whole one yet. */
static int serve(struct client *client) {
    while (client->size && !client->in_body) {
        client->data[client->size] = 0;
        char *end = strstr(client->data, "\r\n\r\n");
        if (!end) return client->size < HEAD_ROOM - 1;
        size_t head = (size_t)(end + 4 - client->data), here = client->size - head;
        *end = 0;
        client->body = body_size(client->data);
        *end = '\r';
        size_t wanted = client->body < PEEK ? client->body : PEEK;
        if (here < wanted) return 1;
        size_t taken = here < client->body ? here : client->body;
        client->left = client->body - taken;
        client->in_body = client->left > 0;
        if (client->in_body) return 1; /* a body beyond the buffer never chooses */
        char *body = client->data + head, kept = body[taken];
        body[taken] = 0;
        int goes_on = answer(client, body);
        body[taken] = kept;
        if (!goes_on) return 0;
        client->size -= head + taken;
        memmove(client->data, client->data + head + taken, client->size);
    }
    return 1;
}

static int drain(struct client *client) {
    static char waste[BLOCK];
    size_t size = client->left < BLOCK ? client->left : BLOCK;
    ssize_t got = recv(client->fd, waste, size, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    client->left -= (size_t)got;
    if (client->left) return 1;
    client->in_body = 0;
    client->size = 0;
    return send_json(client);
}

static int hear(struct client *client) {
    if (client->in_body) return drain(client);
    size_t room = HEAD_ROOM - 1 - client->size;
    ssize_t got = recv(client->fd, client->data + client->size, room, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    client->size += (size_t)got;
    return serve(client);
}

static void welcome(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct client *client = calloc(1, sizeof *client);
        client->fd = fd;
        client->slot = -1;
        watch(client, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void tick(void) {
    long time = now();
    for (int i = stream_count - 1; i >= 0; i--) {
        struct client *client = streams[i];
        if (time < client->due) continue;
        client->due += client->interval;
        if (client->due < time) client->due = time + client->interval;
        if (!send_event(client)) drop(client);
    }
}

static int listener_on(int family, struct sockaddr *address, socklen_t size) {
    int on = 1, fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, size) || listen(fd, 4096)) {
        perror("backend");
        exit(1);
    }
    return fd;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    strncpy(path.sun_path, arguments[2], sizeof path.sun_path - 1);
    poller = epoll_create1(0);
    memset(block, 'z', sizeof block);
    struct client listeners[2] = {
        {.fd = listener_on(AF_INET, (struct sockaddr *)&port, sizeof port)},
        {.fd = listener_on(AF_UNIX, (struct sockaddr *)&path, sizeof path)},
    };
    for (int i = 0; i < 2; i++) watch(&listeners[i], EPOLLIN, EPOLL_CTL_ADD);
    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poller, events, 256, stream_count ? 1 : -1);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            int goes_on = 1;
            if (client == &listeners[0] || client == &listeners[1]) {
                welcome(client->fd);
                continue;
            }
            if (events[i].events & EPOLLOUT) goes_on = send_down(client);
            if (goes_on && events[i].events & ~EPOLLOUT) goes_on = hear(client);
            if (!goes_on) drop(client);
        }
        if (stream_count) tick();
    }
}

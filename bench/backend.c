/* An engine that costs almost nothing: one thread, epoll, keep-alive, a fixed JSON answer of 200
 * bytes to every request. It reads Content-Length and nothing else. Usage: backend PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 65536

struct client {
    int fd;
    size_t size;
    char data[ROOM];
};

static char answer[512];
static size_t answer_size;

static void make_answer(void) {
    char body[201];
    memset(body, 'x', 200);
    memcpy(body, "{\"text\": \"", 10);
    memcpy(body + 198, "\"}", 2);
    body[200] = 0;
    answer_size = (size_t)snprintf(
        answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n%s", body);
}

static size_t body_size(char *head) {
    char *found = strcasestr(head, "\r\ncontent-length:");
    return found ? strtoul(found + 17, NULL, 10) : 0;
}

/* Answers every whole request in the buffer; 0 when the client is to be dropped. */
static int serve(struct client *client) {
    for (;;) {
        client->data[client->size] = 0;
        char *end = strstr(client->data, "\r\n\r\n");
        if (!end) return client->size < ROOM - 1;
        *end = 0;
        size_t whole = (size_t)(end + 4 - client->data) + body_size(client->data);
        *end = '\r';
        if (whole >= ROOM - 1) return 0;
        if (client->size < whole) return 1;
        if (send(client->fd, answer, answer_size, MSG_NOSIGNAL) != (ssize_t)answer_size) return 0;
        client->size -= whole;
        memmove(client->data, client->data + whole, client->size);
    }
}

static void welcome(int listener, int poll) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct client *client = calloc(1, sizeof *client);
        client->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void hear(struct client *client) {
    ssize_t got = recv(client->fd, client->data + client->size, ROOM - 1 - client->size, 0);
    if (got > 0) client->size += (size_t)got;
    if (got <= 0 || !serve(client)) {
        close(client->fd);
        free(client);
    }
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    make_answer();
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("backend");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr)
                hear(events[i].data.ptr);
            else
                welcome(listener, poll);
        }
    }
}

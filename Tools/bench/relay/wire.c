// Packets of many addresses through few sockets.
#include "load.h"

#include <netinet/in.h>
#include <string.h>

enum { control_bytes = 64 };

static int sockets[socket_count];

int port_of(int session) { return port_base + session % socket_count; }

// Sockets for all addresses: packets carry the address of their session in IP_PKTINFO.
void open_sockets(void) {
    for (int i = 0; i < socket_count; i++) {
        int number = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), one = 1, bytes = 32 << 20;
        setsockopt(number, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
        setsockopt(number, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
        setsockopt(number, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
        struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port_base + i)};
        if (bind(number, (struct sockaddr *)&local, sizeof local) != 0) fail("bind");
        sockets[i] = number;
    }
}

// What is sent, gathered per socket.
struct outgoing {
    uint8_t bytes[batch][buffer_bytes];
    struct iovec vectors[batch];
    struct mmsghdr messages[batch];
    struct sockaddr_in to[batch];
    uint8_t control[batch][control_bytes] __attribute__((aligned(8)));
    int count;
};
static struct outgoing outgoing[socket_count];

static void flush_socket(int index) {
    struct outgoing *out = &outgoing[index];
    for (int next = 0; next < out->count;) {
        int sent = sendmmsg(sockets[index], out->messages + next, out->count - next, 0);
        next += sent > 0 ? sent : 1;
    }
    out->count = 0;
}

void flush_all(void) {
    for (int i = 0; i < socket_count; i++) flush_socket(i);
}

void queue_packet(
    int session, const struct sockaddr_in *to, const uint8_t *bytes, int length) {
    struct outgoing *out = &outgoing[session % socket_count];
    if (out->count == batch) flush_socket(session % socket_count);
    int i = out->count++;
    memcpy(out->bytes[i], bytes, length);
    out->vectors[i] = (struct iovec){out->bytes[i], length};
    out->to[i] = *to;
    struct msghdr *message = &out->messages[i].msg_hdr;
    *message = (struct msghdr){
        .msg_name = &out->to[i], .msg_namelen = sizeof *to, .msg_iov = &out->vectors[i],
        .msg_iovlen = 1, .msg_control = out->control[i],
        .msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo))};
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    struct in_pktinfo info = {.ipi_spec_dst = sessions[session].address};
    memcpy(CMSG_DATA(header), &info, sizeof info);
}

static struct in_addr destination(struct msghdr *message) {
    struct in_addr none = {0};
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != IPPROTO_IP || header->cmsg_type != IP_PKTINFO) continue;
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(header), sizeof info);
        return info.ipi_addr;
    }
    return none;
}

// Takes what has come, at most one batch per socket.
int receive_all(receiver take) {
    static uint8_t bytes[batch][buffer_bytes];
    static uint8_t control[batch][control_bytes] __attribute__((aligned(8)));
    static struct iovec vectors[batch];
    static struct mmsghdr messages[batch];
    int total = 0;
    for (int index = 0; index < socket_count; index++) {
        for (int i = 0; i < batch; i++) {
            vectors[i] = (struct iovec){bytes[i], buffer_bytes};
            messages[i].msg_hdr = (struct msghdr){
                .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = control[i],
                .msg_controllen = control_bytes};
        }
        int received = recvmmsg(sockets[index], messages, batch, 0, NULL);
        for (int i = 0; i < received; i++) {
            take(bytes[i], messages[i].msg_len, destination(&messages[i].msg_hdr),
                 port_base + index);
        }
        if (received > 0) total += received;
    }
    return total;
}

// Questions and answers, one at a time

uint8_t answer[buffer_bytes];
int answer_length;

static void keep_answer(const uint8_t *bytes, int length, struct in_addr to, int port) {
    (void)to;
    (void)port;
    memcpy(answer, bytes, length);
    answer_length = length;
}

void ask(int session, const uint8_t *bytes, int length) {
    for (int attempt = 0; attempt < 5; attempt++) {
        answer_length = 0;
        queue_packet(session, &server, bytes, length);
        flush_all();
        uint64_t end = now() + 500000000ull;
        while (now() < end) {
            if (receive_all(keep_answer) > 0) return;
        }
    }
    fail("the relay does not answer");
}

void put(uint8_t **at, const void *bytes, int length) {
    memcpy(*at, bytes, length);
    *at += length;
}

void put_number(uint8_t **at, uint64_t value, int length) {
    for (int i = length - 1; i >= 0; i--) *(*at)++ = value >> (8 * i);
}

uint64_t get_number(const uint8_t *at, int length) {
    uint64_t value = 0;
    for (int i = 0; i < length; i++) value = value << 8 | at[i];
    return value;
}

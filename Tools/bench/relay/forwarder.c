// What vc-relay is measured against: the least that a forwarder of the same protocol does. One copy
// in, one copy out, recvmmsg and sendmmsg in a loop, one table look-up per packet; no tickets, no
// address checks, no limits and no timers.
//
//   forwarder PORT
//
// A client registers with `C1 7F | room 4 | member 1` and gets `C1 7F | session 8`; data is
// `C2 | session 8 | member 1 | …` as in RelayProtocol.md.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { batch = 64, buffer_bytes = 1280, sessions_most = 1 << 16, members = 17 };

struct session {
    struct sockaddr_in address;
    uint32_t room;
    uint8_t member;
};

static struct session sessions[sessions_most];
static uint32_t session_count = 1;
static uint32_t rooms[sessions_most][members];

static void register_client(int socket, const uint8_t *bytes, const struct sockaddr_in *from) {
    uint32_t room;
    memcpy(&room, bytes + 2, 4);
    room = ntohl(room) % sessions_most;
    uint8_t member = bytes[6];
    if (session_count == sessions_most || member >= members) return;
    uint32_t number = session_count++;
    sessions[number] = (struct session){*from, room, member};
    rooms[room][member] = number;
    uint8_t answer[10] = {0xC1, 0x7F};
    uint64_t id = htobe64(number);
    memcpy(answer + 2, &id, 8);
    sendto(socket, answer, sizeof answer, 0, (const struct sockaddr *)from, sizeof *from);
}

// Rewrites the header for the receiver, and says who that is.
static struct session *route(uint8_t *bytes, unsigned length) {
    if (length < 11 || bytes[0] != 0xC2 || bytes[9] >= members) return NULL;
    uint64_t id;
    memcpy(&id, bytes + 1, 8);
    id = be64toh(id);
    if (id >= session_count) return NULL;
    uint32_t target = rooms[sessions[id].room][bytes[9]];
    if (target == 0) return NULL;
    bytes[9] = sessions[id].member;
    uint64_t own = htobe64(target);
    memcpy(bytes + 1, &own, 8);
    return &sessions[target];
}

static int open_socket(int port) {
    int number = socket(AF_INET, SOCK_DGRAM, 0), bytes = 4 << 20;
    setsockopt(number, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    setsockopt(number, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port)};
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(number, (struct sockaddr *)&local, sizeof local) != 0) {
        perror("bind");
        exit(1);
    }
    return number;
}

int main(int count, char **arguments) {
    if (count != 2) return 64;
    int socket = open_socket(atoi(arguments[1]));
    static uint8_t buffers[batch][buffer_bytes];
    static struct sockaddr_in from[batch];
    static struct iovec in_vectors[batch], out_vectors[batch];
    static struct mmsghdr in[batch], out[batch];
    for (int i = 0; i < batch; i++) {
        in_vectors[i] = (struct iovec){buffers[i], buffer_bytes};
        in[i].msg_hdr = (struct msghdr){
            .msg_name = &from[i], .msg_iov = &in_vectors[i], .msg_iovlen = 1};
    }
    for (;;) {
        for (int i = 0; i < batch; i++) in[i].msg_hdr.msg_namelen = sizeof from[0];
        int received = recvmmsg(socket, in, batch, MSG_WAITFORONE, NULL);
        int sending = 0;
        for (int i = 0; i < received; i++) {
            uint8_t *bytes = buffers[i];
            if (in[i].msg_len == 7 && bytes[0] == 0xC1 && bytes[1] == 0x7F) {
                register_client(socket, bytes, &from[i]);
                continue;
            }
            struct session *target = route(bytes, in[i].msg_len);
            if (target == NULL) continue;
            out_vectors[sending] = (struct iovec){bytes, in[i].msg_len};
            out[sending].msg_hdr = (struct msghdr){
                .msg_name = &target->address, .msg_namelen = sizeof target->address,
                .msg_iov = &out_vectors[sending], .msg_iovlen = 1};
            sending++;
        }
        for (int next = 0; next < sending;) {
            int sent = sendmmsg(socket, out + next, sending - next, 0);
            next += sent > 0 ? sent : 1;
        }
    }
}

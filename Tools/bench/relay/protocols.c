// How a session comes to be, for each kind of relay.
#include "load.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// vc-relay

static uint8_t signal_public[32], signal_secret[64];

void make_signal_key(void) {
    static const uint8_t seed[32] = "a key for benchmarks, no secret";
    crypto_sign_ed25519_seed_keypair(signal_public, signal_secret, seed);
}

void print_signal_key(void) {
    for (int i = 0; i < 32; i++) printf("%02x", signal_public[i]);
    putchar('\n');
}

static void put_address(uint8_t **at, struct in_addr address, int port) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    put(at, mapped, 12);
    put(at, &address, 4);
    put_number(at, port, 2);
}

static void put_inverted(uint8_t **at, struct in_addr address, int port) {
    uint8_t *start = *at;
    put_address(at, address, port);
    for (uint8_t *byte = start; byte < *at; byte++) *byte = ~*byte;
}

static void put_ticket(uint8_t **at, int session, const uint8_t *member_key) {
    uint8_t hash[64], *start = *at, room[16] = "room";
    crypto_hash_sha512(hash, signal_public, 32);
    uint32_t number = session / room_size;
    memcpy(room + 12, &number, 4);
    put_number(at, 1, 1);
    put(at, hash, 4);
    put(at, room, 16);
    put_number(at, 1, 4);
    put_number(at, session % room_size + 1, 1);
    put(at, member_key, 32);
    put_number(at, 1, 1);
    put_number(at, time(NULL) + 3600, 8);
    uint8_t message[77];
    memcpy(message, "vc1 ticket", 10);
    memcpy(message + 10, start, 67);
    crypto_sign_ed25519_detached(*at, NULL, message, sizeof message, signal_secret);
    *at += 64;
}

static void put_proof(
    uint8_t **at, int session, const uint8_t *cookie, const uint8_t *secret) {
    uint8_t message[72], *next = message;
    put_number(&next, 8, 2);
    put(&next, "vc1 bind", 8);
    put_number(&next, 16, 2);
    put(&next, cookie, 16);
    put_number(&next, 18, 2);
    put_address(&next, server.sin_addr, ntohs(server.sin_port));
    put_number(&next, 18, 2);
    put_address(&next, sessions[session].address, port_of(session));
    crypto_sign_ed25519_detached(*at, NULL, message, next - message, secret);
    *at += 64;
}

void bind_vc(int session) {
    uint8_t bind[64] = {0xC1, 0x01, 1, 1, 2, 3, 4, 5, 6, 7, 8};
    ask(session, bind, sizeof bind);
    if (answer_length != 48 || answer[1] != 0x81) fail("no challenge");
    uint8_t cookie[16], public_key[32], secret[64];
    memcpy(cookie, answer + 11, 16);
    crypto_sign_ed25519_keypair(public_key, secret);
    uint8_t message[258] = {0xC1, 0x02, 1, 1, 2, 3, 4, 5, 6, 7, 9}, *at = message + 11;
    put(&at, cookie, 16);
    put_inverted(&at, server.sin_addr, ntohs(server.sin_port));
    put_inverted(&at, sessions[session].address, port_of(session));
    put_ticket(&at, session, public_key);
    put_proof(&at, session, cookie, secret);
    ask(session, message, at - message);
    // Too many at once: it looks at 2,000 a second.
    while (answer_length == 12 && answer[1] == 0x84 && answer[11] == 6) {
        usleep(10000);
        ask(session, message, at - message);
    }
    if (answer_length != 21 || answer[1] != 0x82) fail("the relay does not bind");
    sessions[session].id = get_number(answer + 11, 8);
    sessions[session].to = server;
}

// forwarder.c

void bind_plain(int session) {
    uint8_t message[7] = {0xC1, 0x7F}, *at = message + 2;
    put_number(&at, session / room_size, 4);
    put_number(&at, session % room_size + 1, 1);
    ask(session, message, sizeof message);
    if (answer_length != 10) fail("the forwarder does not register");
    sessions[session].id = get_number(answer + 2, 8);
    sessions[session].to = server;
}

// coturn

static uint8_t *begin_stun(uint8_t *message, int type) {
    uint8_t *at = message;
    put_number(&at, type, 2);
    put_number(&at, 0, 2);
    put_number(&at, 0x2112A442, 4);
    randombytes_buf(at, 12);
    return at + 12;
}

static void ask_stun(int session, uint8_t *message, uint8_t *end) {
    uint8_t *length = message + 2;
    put_number(&length, end - message - 20, 2);
    ask(session, message, end - message);
    if (answer_length < 20 || (answer[0] & 1) != 1 || (answer[1] & 0x10) != 0)
        fail("coturn refuses");
}

static void put_peer(uint8_t **at, int session) {
    put_number(at, 0x0012, 2);
    put_number(at, 8, 2);
    put_number(at, 1, 2);
    put_number(at, port_of(session) ^ 0x2112, 2);
    put_number(at, ntohl(sessions[session].address.s_addr) ^ 0x2112A442, 4);
}

static struct sockaddr_in relayed_address(void) {
    for (int at = 20; at + 4 <= answer_length;) {
        int type = get_number(answer + at, 2), length = get_number(answer + at + 2, 2);
        if (type == 0x0016) {
            struct sockaddr_in found = {.sin_family = AF_INET};
            found.sin_port = htons(get_number(answer + at + 6, 2) ^ 0x2112);
            found.sin_addr.s_addr = htonl(get_number(answer + at + 8, 4) ^ 0x2112A442);
            return found;
        }
        at += 4 + (length + 3) / 4 * 4;
    }
    fail("coturn names no address");
    return server;
}

// The even one of a pair has the allocation; the odd one is its peer.
void bind_turn(int session) {
    if (session % 2 == 1) return;
    uint8_t message[128], *at = begin_stun(message, 0x0003);
    put_number(&at, 0x0019, 2); // REQUESTED-TRANSPORT: UDP
    put_number(&at, 4, 2);
    put_number(&at, 17ull << 24, 4);
    ask_stun(session, message, at);
    sessions[session + 1].to = relayed_address();
    at = begin_stun(message, 0x0009);
    put_number(&at, 0x000C, 2); // CHANNEL-NUMBER
    put_number(&at, 4, 2);
    put_number(&at, 0x4000ull << 16, 4);
    put_peer(&at, session + 1);
    ask_stun(session, message, at);
    sessions[session].id = 0x4000;
    sessions[session].to = server;
}

// What the parts of the load generator share; `load.c` says what it is.
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    sessions_most = 1 << 14,
    batch = 64,
    buffer_bytes = 1536,
    port_base = 20000,
    socket_count = 4,
};

struct session {
    struct in_addr address;
    uint64_t id;           // vc and plain: the session; turn: the channel, 0 for a peer
    struct sockaddr_in to; // where its packets go
    uint32_t received, expected;
};

extern struct session sessions[sessions_most];
extern int room_size;
extern struct sockaddr_in server;

// load.c

void fail(const char *what) __attribute__((noreturn));
uint64_t now(void);

// wire.c

typedef void (*receiver)(const uint8_t *bytes, int length, struct in_addr to, int port);

int port_of(int session);
void open_sockets(void);
void queue_packet(int session, const struct sockaddr_in *to, const uint8_t *bytes, int length);
void flush_all(void);
int receive_all(receiver take);
void ask(int session, const uint8_t *bytes, int length);
extern uint8_t answer[buffer_bytes];
extern int answer_length;

void put(uint8_t **at, const void *bytes, int length);
void put_number(uint8_t **at, uint64_t value, int length);
uint64_t get_number(const uint8_t *at, int length);

// protocols.c

void make_signal_key(void);
void print_signal_key(void);
void bind_vc(int session);
void bind_plain(int session);
void bind_turn(int session);

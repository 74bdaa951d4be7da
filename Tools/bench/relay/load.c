// Voice-like load through a relay, from one thread; prints one line of JSON.
//
//   load KIND ADDRESS:PORT PID --sessions N --room R --rate PACKETS --seconds S
//   load key                     prints the key that `vc-relay --signal-key` needs
//
// KIND is vc (binds with tickets, as RelayProtocol.md says), plain (forwarder.c) or turn (coturn
// with --no-auth, RFC 8656: one end of each pair has an allocation and a channel, the other one is
// the peer, so that each packet passes the server once).
//
// Each session has an address of 127.0.0.0/8 of its own. In rooms of more than two a session sends
// a packet to each other member at once, as a member seals for each. A packet is 120 bytes of UDP
// payload on its way to the relay, and holds when it was sent. The CPU time of the relay is that of
// its threads (schedstat), with what ksoftirqd of its core did meanwhile.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <getopt.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    sessions_most = 1 << 14,
    packet_bytes = 120,
    batch = 64,
    buffer_bytes = 1536,
    port_base = 20000,
    socket_count = 4,
    control_bytes = 64,
    latency_most = 100000, // microseconds; later is counted as this
};

struct session {
    struct in_addr address;
    uint64_t id;             // vc and plain: the session; turn: the channel, 0 for a peer
    struct sockaddr_in to;   // where its packets go
    uint32_t received, expected;
};

// Stands in each packet behind the header of the protocol.
struct __attribute__((packed)) payload {
    uint32_t magic, receiver;
    uint64_t sent_at;
};

static const uint32_t magic = 0x76636c64;
static struct session sessions[sessions_most];
static int session_count = 200, room_size = 2;
static double rate = 20000, seconds = 5;
static enum { kind_vc, kind_plain, kind_turn } kind;
static struct sockaddr_in server;
static int sockets[socket_count];
static uint32_t latencies[latency_most + 1];
static uint64_t sent_count, received_count, behind_count;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static int port_of(int session) { return port_base + session % socket_count; }

// Sockets for all addresses: packets carry the address of their session in IP_PKTINFO.
static void open_sockets(void) {
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

static void flush_all(void) {
    for (int i = 0; i < socket_count; i++) flush_socket(i);
}

static void queue_packet(
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

typedef void (*receiver)(const uint8_t *bytes, int length, struct in_addr to, int port);

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
static int receive_all(receiver take) {
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

static uint8_t answer[buffer_bytes];
static int answer_length;

static void keep_answer(const uint8_t *bytes, int length, struct in_addr to, int port) {
    (void)to;
    (void)port;
    memcpy(answer, bytes, length);
    answer_length = length;
}

static void ask(int session, const uint8_t *bytes, int length) {
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

static void put(uint8_t **at, const void *bytes, int length) {
    memcpy(*at, bytes, length);
    *at += length;
}

static void put_number(uint8_t **at, uint64_t value, int length) {
    for (int i = length - 1; i >= 0; i--) *(*at)++ = value >> (8 * i);
}

static uint64_t get_number(const uint8_t *at, int length) {
    uint64_t value = 0;
    for (int i = 0; i < length; i++) value = value << 8 | at[i];
    return value;
}

// vc-relay

static uint8_t signal_public[32], signal_secret[64];

static void make_signal_key(void) {
    static const uint8_t seed[32] = "a key for benchmarks, no secret";
    crypto_sign_ed25519_seed_keypair(signal_public, signal_secret, seed);
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

static void bind_vc(int session) {
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
    if (answer_length != 21 || answer[1] != 0x82) fail("the relay does not bind");
    sessions[session].id = get_number(answer + 11, 8);
    sessions[session].to = server;
}

// forwarder.c

static void bind_plain(int session) {
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
static void bind_turn(int session) {
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

// Packets

static int header_length(int receiver) {
    if (kind != kind_turn) return 10;
    return sessions[receiver].id != 0 ? 4 : 0;
}

static void send_packet(int session, int receiver) {
    uint8_t packet[packet_bytes] = {0}, *at = packet;
    if (kind == kind_turn && sessions[session].id != 0) {
        put_number(&at, sessions[session].id, 2);
        put_number(&at, packet_bytes - 4, 2);
    } else if (kind != kind_turn) {
        put_number(&at, 0xC2, 1);
        put_number(&at, sessions[session].id, 8);
        put_number(&at, receiver % room_size + 1, 1);
    }
    struct payload payload = {magic, receiver, now()};
    memcpy(at, &payload, sizeof payload);
    queue_packet(session, &sessions[session].to, packet, packet_bytes);
    sessions[receiver].expected++;
    sent_count++;
}

static void take_packet(const uint8_t *bytes, int length, struct in_addr to, int port) {
    struct payload payload;
    // Which session this is for stands in the packet; that it came there is checked.
    for (int offset = 0; offset <= 10; offset++) {
        if (offset + (int)sizeof payload > length) return;
        memcpy(&payload, bytes + offset, sizeof payload);
        if (payload.magic != magic || payload.receiver >= (uint32_t)session_count) continue;
        struct session *session = &sessions[payload.receiver];
        if (offset != header_length(payload.receiver)) continue;
        if (session->address.s_addr != to.s_addr || port_of(payload.receiver) != port) return;
        session->received++;
        received_count++;
        uint64_t microseconds = (now() - payload.sent_at) / 1000;
        latencies[microseconds < latency_most ? microseconds : latency_most]++;
        return;
    }
}

// Sends what is due, receives, and so on; who cannot keep pace does not catch up in a burst.
static void run_load(void) {
    static int session;
    uint64_t start = now(), end = start + (uint64_t)(seconds * 1e9), time;
    while ((time = now()) < end) {
        uint64_t due = (uint64_t)((time - start) / 1e9 * rate);
        if (due > sent_count + behind_count + (uint64_t)(rate / 50)) {
            behind_count = due - sent_count;
        }
        for (int burst = 0; burst < 32 && sent_count + behind_count < due;) {
            int room = session / room_size * room_size;
            for (int member = 0; member < room_size; member++) {
                if (room + member == session) continue;
                send_packet(session, room + member);
                burst++;
            }
            if (++session == session_count) session = 0;
        }
        flush_all();
        receive_all(take_packet);
    }
    for (uint64_t quiet = now(); now() - quiet < 200000000ull;) {
        if (receive_all(take_packet) > 0) quiet = now();
    }
}

// What it cost

static uint64_t thread_nanoseconds(const char *path) {
    FILE *file = fopen(path, "r");
    uint64_t value = 0;
    if (file == NULL) return 0;
    if (fscanf(file, "%lu", &value) != 1) value = 0;
    fclose(file);
    return value;
}

static uint64_t process_nanoseconds(int pid) {
    char path[280];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    if (folder == NULL) fail("there is no such process");
    uint64_t total = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.16s/schedstat", pid, entry->d_name);
        total += thread_nanoseconds(path);
    }
    closedir(folder);
    return total;
}

static int softirq_thread(void) {
    for (int pid = 2; pid < 64; pid++) {
        char path[64], name[32] = "";
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue;
        if (fgets(name, sizeof name, file) == NULL) name[0] = 0;
        fclose(file);
        if (strcmp(name, "ksoftirqd/0\n") == 0) return pid;
    }
    return 0;
}

static long resident_kibibytes(int pid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "r");
    long value = 0;
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Rss: %ld", &value) == 1) break;
    }
    fclose(file);
    return value;
}

static double percentile(double fraction) {
    uint64_t wanted = (uint64_t)(received_count * fraction), sum = 0;
    for (int i = 0; i <= latency_most; i++) {
        sum += latencies[i];
        if (sum > wanted) return i;
    }
    return latency_most;
}

static void read_options(int count, char **arguments) {
    static const struct option options[] = {
        {"sessions", required_argument, NULL, 's'}, {"room", required_argument, NULL, 'r'},
        {"rate", required_argument, NULL, 'p'}, {"seconds", required_argument, NULL, 't'}, {0}};
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 's': session_count = atoi(optarg); break;
        case 'r': room_size = atoi(optarg); break;
        case 'p': rate = atof(optarg); break;
        case 't': seconds = atof(optarg); break;
        default: exit(64);
        }
    }
    if (session_count > sessions_most || session_count % room_size != 0) exit(64);
}

static void read_server(char *text) {
    char *colon = strchr(text, ':');
    if (colon == NULL) exit(64);
    *colon = 0;
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(colon + 1));
    if (inet_pton(AF_INET, text, &server.sin_addr) != 1) exit(64);
}

int main(int count, char **arguments) {
    if (sodium_init() < 0) fail("libsodium");
    make_signal_key();
    if (count == 2 && strcmp(arguments[1], "key") == 0) {
        for (int i = 0; i < 32; i++) printf("%02x", signal_public[i]);
        putchar('\n');
        return 0;
    }
    if (count < 4) return 64;
    kind = strcmp(arguments[1], "vc") == 0     ? kind_vc
           : strcmp(arguments[1], "turn") == 0 ? kind_turn
                                               : kind_plain;
    read_server(arguments[2]);
    int pid = atoi(arguments[3]), softirq = softirq_thread();
    char softirq_path[64];
    snprintf(softirq_path, sizeof softirq_path, "/proc/%d/schedstat", softirq);
    read_options(count - 3, arguments + 3);
    open_sockets();
    for (int i = 0; i < session_count; i++)
        sessions[i].address.s_addr = htonl(0x7F010001u + (uint32_t)i);
    long empty = resident_kibibytes(pid);
    for (int i = 0; i < session_count; i++) {
        if (kind == kind_vc) bind_vc(i);
        if (kind == kind_plain) bind_plain(i);
        if (kind == kind_turn) bind_turn(i);
    }
    long bound = resident_kibibytes(pid);
    uint64_t before = process_nanoseconds(pid) + thread_nanoseconds(softirq_path);
    run_load();
    uint64_t used = process_nanoseconds(pid) + thread_nanoseconds(softirq_path) - before;
    int silent = 0;
    for (int i = 0; i < session_count; i++) {
        if (sessions[i].expected > 0 && sessions[i].received == 0) silent++;
    }
    printf("{\"sent\":%lu,\"received\":%lu,\"behind\":%lu,\"silent\":%d,"
           "\"cpu_us\":%.4f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
           "\"rss_kib\":%ld,\"rss_empty_kib\":%ld,\"rss_bound_kib\":%ld}\n",
           sent_count, received_count, behind_count, silent,
           received_count > 0 ? used / 1e3 / received_count : 0, percentile(0.5),
           percentile(0.99), resident_kibibytes(pid), empty, bound);
    return 0;
}

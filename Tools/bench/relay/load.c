// Voice-like load through a relay, from one thread; prints one line of JSON.
//
//   load KIND ADDRESS:PORT PID --sessions N --room R --rate PACKETS --seconds S [--bursts]
//   load key                     prints the key that `vc-relay --signal-key` needs
//
// KIND is vc (binds with tickets, as RelayProtocol.md says), plain (forwarder.c) or turn (coturn
// with --no-auth, RFC 8656: one end of each pair has an allocation and a channel, the other one is
// the peer, so that each packet passes the server once).
//
// Each session has an address of 127.0.0.0/8 of its own. They send in turns, evenly spaced, each to
// the other members of its room in rotation; with --bursts to all of them at once, as a member
// seals for each, and in an order that has nothing to do with rooms. A packet is 120 bytes of UDP
// payload on its way to the relay, and holds when it was sent. The CPU time of the relay is that of
// its threads (schedstat), with what ksoftirqd of its core did meanwhile.
#include "load.h"

#include <dirent.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    packet_bytes = 120,
    latency_most = 100000, // microseconds; later is counted as this
};

// Stands in each packet behind the header of the protocol.
struct __attribute__((packed)) payload {
    uint32_t magic, receiver;
    uint64_t sent_at;
};

static const uint32_t magic = 0x76636c64;
struct session sessions[sessions_most];
int room_size = 2;
static int session_count = 200, has_bursts = 0;
static int order[sessions_most];
static double rate = 20000, seconds = 5;
static enum { kind_vc, kind_plain, kind_turn } kind;
struct sockaddr_in server;
static uint32_t latencies[latency_most + 1];
static uint64_t sent_count, received_count, behind_count;

uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

void fail(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
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

// Sends what the next session has to send; returns how many packets that were.
static int send_turn(void) {
    static int turn, round;
    int session = order[turn], room = session / room_size * room_size, own = session - room;
    if (!has_bursts) {
        send_packet(session, room + (own + 1 + round % (room_size - 1)) % room_size);
    } else {
        for (int other = 1; other < room_size; other++) {
            send_packet(session, room + (own + other) % room_size);
        }
    }
    if (++turn == session_count) {
        turn = 0;
        round++;
    }
    return has_bursts ? room_size - 1 : 1;
}

// Shuffled for bursts, the same each time.
static void make_order(void) {
    uint64_t state = 1;
    for (int i = 0; i < session_count; i++) order[i] = i;
    for (int i = session_count - 1; has_bursts && i > 0; i--) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        int other = (state >> 33) % (i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

// Sends what is due, receives, and so on; who cannot keep pace does not catch up in a burst.
static void run_load(void) {
    uint64_t start = now(), end = start + (uint64_t)(seconds * 1e9), time;
    while ((time = now()) < end) {
        uint64_t due = (uint64_t)((time - start) / 1e9 * rate);
        if (due > sent_count + behind_count + (uint64_t)(rate / 50)) {
            behind_count = due - sent_count;
        }
        for (int burst = 0; burst < 32 && sent_count + behind_count < due;) {
            burst += send_turn();
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
        {"rate", required_argument, NULL, 'p'}, {"seconds", required_argument, NULL, 't'},
        {"bursts", no_argument, NULL, 'b'}, {0}};
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 's': session_count = atoi(optarg); break;
        case 'r': room_size = atoi(optarg); break;
        case 'p': rate = atof(optarg); break;
        case 'b': has_bursts = 1; break;
        case 't': seconds = atof(optarg); break;
        default: exit(64);
        }
    }
    if (room_size < 2 || session_count > sessions_most || session_count % room_size != 0) exit(64);
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
        print_signal_key();
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
    make_order();
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

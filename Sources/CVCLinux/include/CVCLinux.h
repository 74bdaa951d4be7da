#pragma once

// The Linux calls that Swift's Glibc module does not show. No logic: each function is one call.

#include "CVCLocalSocket.h"
#include "CVCTerminal.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/// Mirror of glibc's `struct mmsghdr`, which needs _GNU_SOURCE; shim.c asserts that the layouts
/// agree.
struct vc_mmsghdr {
    struct msghdr header;
    unsigned int length;
};

int vc_recvmmsg(int socket, struct vc_mmsghdr *messages, unsigned int count, int flags);
int vc_sendmmsg(int socket, struct vc_mmsghdr *messages, unsigned int count, int flags);

/// Room for one control message of IP_PKTINFO or IPV6_PKTINFO (ip(7), ipv6(7)).
#define VC_PACKET_INFO_BYTES 64

/// Writes the local address that a received message came to, IPv4 mapped; 0 when it has none.
int vc_packet_destination(const struct msghdr *message, unsigned char address[16]);

/// Has a message leave from the local `address` (IPv4 mapped): puts the control message for it into
/// `control`, which has VC_PACKET_INFO_BYTES. `is_dual_stack`: of an AF_INET6 socket.
void vc_set_packet_source(
    struct msghdr *message, void *control, const unsigned char address[16], int is_dual_stack);

/// accept4 with a descriptor that does not block and is closed by exec.
int vc_accept(int socket, struct sockaddr *address, socklen_t *size);

/// Writes `header` and `payload` as one piece; never raises SIGPIPE. The number of bytes taken, or
/// -1 with errno.
ssize_t vc_send_pair(
    int socket, const void *header, size_t header_size, const void *payload, size_t payload_size);

/// A netlink socket that does not block and is told of every change of this network namespace's
/// links, addresses and routes; or -1 with errno. In C because the address type is in no module.
int vc_open_route_watch(void);

/// Fills `bytes` from the kernel's generator; 0, or -1 with errno.
int vc_getrandom(void *bytes, size_t count);

/// Waits until `descriptor` can be read, `milliseconds` at most (-1: without end); 1, 0 when the
/// time is over, or -1 with errno. In C because Swift sees `struct pollfd` as a part of whichever
/// module includes it first.
int vc_poll_readable(int descriptor, int milliseconds);

/// Names the calling thread (15 bytes at most) as `top -H` shows it.
int vc_set_thread_name(const char *name);

/// Waits for the end of a thread until `deadline`, in nanoseconds of CLOCK_MONOTONIC; 0, or
/// ETIMEDOUT.
int vc_join_thread(pthread_t thread, uint64_t deadline);

/// Asks for SCHED_FIFO at `priority` on the calling thread; 0, or an errno value.
int vc_set_thread_realtime(int priority);

/// Asks for a nice value for the calling thread alone; 0, or an errno value.
int vc_set_thread_nice(int value);

/// Nanoseconds of CLOCK_BOOTTIME, which goes on in suspend.
uint64_t vc_boottime_nanoseconds(void);

/// Nanoseconds of CPU time that the calling thread and the whole process have used.
uint64_t vc_thread_cpu_nanoseconds(void);
uint64_t vc_process_cpu_nanoseconds(void);

/// PR_SET_DUMPABLE 0 and RLIMIT_CORE 0: no core file and no ptrace by other processes of the user.
int vc_forbid_core_dumps(void);

/// Room for the control message of vc_set_segment_bytes.
#define VC_SEGMENT_CONTROL_BYTES 24

/// Gives `message`, which is to be sent through a UDP socket, the control message UDP_SEGMENT in
/// `control`: the kernel cuts what it holds into datagrams of `bytes` (udp(7), Linux 4.18).
void vc_set_segment_bytes(struct msghdr *message, void *control, uint16_t bytes);

/// Sleeps; less after a signal.
void vc_sleep_nanoseconds(uint64_t nanoseconds);

/// By how much the calling thread may oversleep; 50 us unless set.
int vc_set_timer_slack(uint64_t nanoseconds);

/// Seconds of CLOCK_REALTIME.
uint64_t vc_unix_seconds(void);

/// Lets go of the pages of code and constants that the start has touched, in this program and its
/// libraries: what is used again comes back from the page cache. A server or a call needs a small
/// part of them.
void vc_release_startup_pages(void);

/// The variable of the environment at `place`, as NAME=VALUE; NULL behind the last one. In C
/// because Swift takes `environ` for something that changes under its hands.
char *vc_environment_entry(long place);

/// Has a program that is started with `actions` (a posix_spawn_file_actions_t) find no descriptor
/// from `lowest` on; 0, or an errno value. In C because Swift's Glibc does not show the call.
int vc_spawn_close_from(void *actions, int lowest);

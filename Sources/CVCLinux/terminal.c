#include "CVCTerminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

// Signals that end a program that does not expect them. Those that a user sends (SIGINT, SIGTERM,
// SIGHUP) are read from a descriptor by the event loop.
static const int fatal_signals[] = {
    SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS, SIGQUIT, SIGXCPU, SIGXFSZ,
};
enum { fatal_count = sizeof fatal_signals / sizeof fatal_signals[0] };

static struct sigaction previous_actions[fatal_count];
static struct termios saved;
static int saved_descriptor;
static char restore_bytes[512];
static size_t restore_count;
static atomic_int is_guarded;

void vc_terminal_restore(void) {
    if (atomic_exchange(&is_guarded, 0) == 0) return;
    int kept = errno;
    size_t done = 0;
    while (done < restore_count) {
        ssize_t count = write(saved_descriptor, restore_bytes + done, restore_count - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        done += (size_t)count;
    }
    // What the terminal still answers is for nobody: TCSAFLUSH drops it.
    tcsetattr(saved_descriptor, TCSAFLUSH, &saved);
    errno = kept;
}

static void end_by_signal(int number) {
    vc_terminal_restore();
    for (int index = 0; index < fatal_count; index++)
        if (fatal_signals[index] == number) sigaction(number, &previous_actions[index], NULL);
    // Held back until this handler returns; then whoever was here before us has it.
    raise(number);
}

int vc_terminal_guard(int descriptor, const char *restore, size_t count) {
    static int is_installed;
    if (tcgetattr(descriptor, &saved) != 0) return -1;
    saved_descriptor = descriptor;
    vc_terminal_set_restore(restore, count);
    if (!is_installed) {
        is_installed = 1;
        atexit(vc_terminal_restore);
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = end_by_signal;
        action.sa_flags = SA_ONSTACK;
        sigfillset(&action.sa_mask);
        for (int index = 0; index < fatal_count; index++) {
            struct sigaction *previous = &previous_actions[index];
            // What is ignored ends nobody.
            if (sigaction(fatal_signals[index], NULL, previous) != 0) continue;
            if (previous->sa_handler == SIG_IGN) continue;
            sigaction(fatal_signals[index], &action, previous);
        }
    }
    atomic_store(&is_guarded, 1);
    return 0;
}

void vc_terminal_set_restore(const char *restore, size_t count) {
    // In between nothing is written rather than half of it.
    restore_count = 0;
    atomic_signal_fence(memory_order_seq_cst);
    if (count > sizeof restore_bytes) return;
    if (count > 0) memcpy(restore_bytes, restore, count);
    atomic_signal_fence(memory_order_seq_cst);
    restore_count = count;
}

int vc_terminal_take_keys(int descriptor) {
    struct termios keys;
    if (tcgetattr(descriptor, &keys) != 0) return -1;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
    keys.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR | IGNCR | ISTRIP);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    return tcsetattr(descriptor, TCSADRAIN, &keys);
}

int vc_terminal_size(int descriptor, int *rows, int *columns) {
    struct winsize size;
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

void vc_use_utf8(void) {
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

int vc_cell_width(uint32_t scalar) { return wcwidth((wchar_t)scalar); }

int vc_minutes_of_day(void) {
    time_t now = time(NULL);
    struct tm parts;
    if (localtime_r(&now, &parts) == NULL) return 0;
    return parts.tm_hour * 60 + parts.tm_min;
}

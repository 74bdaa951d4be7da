#pragma once

// The terminal, left as it was found, also when the program ends in a signal.

#include <stddef.h>
#include <stdint.h>

/// Remembers how the terminal is set, and what to write so that it is as before. From here on it is
/// restored when the process exits or is ended by a signal that it did not expect. Not the signals
/// that the caller handles itself. 0, or -1 with errno.
int vc_terminal_guard(int descriptor, const char *restore, size_t count);

/// Changes what is written to restore the terminal.
void vc_terminal_set_restore(const char *restore, size_t count);

/// Has the terminal hand over each key as it is typed, without showing it. Ctrl-C, Ctrl-Z and
/// Ctrl-\ stay signals. 0, or -1 with errno.
int vc_terminal_take_keys(int descriptor);

/// Restores the terminal; nothing where it is restored already. Safe in a signal handler.
void vc_terminal_restore(void);

/// The rows and columns of a terminal; 0, or -1 with errno.
int vc_terminal_size(int descriptor, int *rows, int *columns);

/// Makes this process read and measure text as UTF-8, in the person's locale if it says so.
void vc_use_utf8(void);

/// How many columns a character takes: 0, 1 or 2; -1 for one that cannot be shown.
int vc_cell_width(uint32_t scalar);

/// The time of day here, in minutes since midnight.
int vc_minutes_of_day(void);

#pragma once

// What Swift cannot call of ncursesw: its macros and its global variables. One call each.

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <stdio.h>
#include <string.h>

/// Takes over the terminal on standard output; NULL where terminfo does not know it.
static inline SCREEN *vc_curses_begin(void) {
    return newterm(NULL, stdout, stdin);
}

/// Lets a cell have a colour on the terminal's own background; how many colours there are.
static inline int vc_curses_begin_colors(void) {
    if (!has_colors() || start_color() == ERR) return 0;
    use_default_colors();
    return COLORS;
}

static inline void vc_curses_define_pair(short pair, short foreground) {
    init_pair(pair, foreground, -1);
}

/// Every row of the terminal is ours: none is kept for the cursor's scrolling.
static inline void vc_curses_prepare(void) {
    scrollok(stdscr, FALSE);
    leaveok(stdscr, FALSE);
    clearok(stdscr, TRUE);
}

static inline void vc_curses_move(int row, int column) {
    move(row, column);
}

static inline void vc_curses_clear_to_end(void) {
    clrtoeol();
}

static inline void vc_curses_style(attr_t attributes, short pair) {
    attr_set(attributes, pair, NULL);
}

static inline void vc_curses_add(const char *bytes, int count) {
    addnstr(bytes, count);
}

static inline void vc_curses_refresh(void) {
    refresh();
}

/// Draws everything anew at the next refresh: what the terminal shows is not what we drew.
static inline void vc_curses_forget(void) {
    clearok(curscr, TRUE);
}

static inline void vc_curses_erase(void) {
    erase();
}

static inline void vc_curses_resize(int rows, int columns) {
    resizeterm(rows, columns);
}

/// Copies the string that the terminal's capability `name` stands for; its length, 0 without one.
static inline int vc_curses_capability(const char *name, char *bytes, int capacity) {
    const char *text = tigetstr((char *)name);
    if (text == NULL || text == (const char *)-1) return 0;
    int length = (int)strlen(text);
    if (length > capacity) return 0;
    memcpy(bytes, text, (size_t)length);
    return length;
}

static const attr_t vc_curses_normal = A_NORMAL;
static const attr_t vc_curses_bold = A_BOLD;
static const attr_t vc_curses_dim = A_DIM;
static const attr_t vc_curses_reverse = A_REVERSE;
static const attr_t vc_curses_underline = A_UNDERLINE;

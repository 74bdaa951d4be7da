#pragma once
#include <alsa/asoundlib.h>

// alsa-lib prints its errors to stderr unless it is given a handler, and the handler is variadic,
// which Swift cannot write. The errors come back as codes and are told from those.
static inline void vc_alsa_ignore_message(
    const char *file, int line, const char *function, int error, const char *format, ...) {
    (void)file, (void)line, (void)function, (void)error, (void)format;
}

static inline void vc_alsa_silence_messages(void) {
    snd_lib_error_set_handler(vc_alsa_ignore_message);
}

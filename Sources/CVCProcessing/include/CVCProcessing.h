#pragma once

// WebRTC's audio processing behind a C interface: libwebrtc-audio-processing 0.3 (Debian 12) or
// 1.x (Debian 13), whichever headers were there when this was compiled. The library itself is
// loaded by the two functions that say so. Sound is 48 kHz, mono, -1...1.

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Samples of a frame: the library works in steps of 10 ms.
#define VC_PROCESSING_SAMPLES 480

/// What is to be done to the sound.
enum vc_processing_part {
    VC_PROCESSING_HIGH_PASS = 1,
    VC_PROCESSING_ECHO_CANCELLATION = 2,
    VC_PROCESSING_NOISE_SUPPRESSION = 4,
    VC_PROCESSING_GAIN_CONTROL = 8,
    VC_PROCESSING_VOICE_DETECTION = 16,
};

/// Why there is no processing.
enum vc_processing_error {
    VC_PROCESSING_OK = 0,
    /// The headers were missing when this was compiled.
    VC_PROCESSING_NOT_BUILT = 1,
    /// The library cannot be loaded.
    VC_PROCESSING_NOT_INSTALLED = 2,
    /// The library is not the one that its name promises, or has no memory left.
    VC_PROCESSING_REFUSED = 3,
};

/// How far the parts go.
struct vc_processing_levels {
    /// Noise suppression: 0 (low), 1, 2 or 3 (very high).
    int noise;
    /// What the canceller takes out beyond what it subtracts: 0 (low), 1 or 2 (high).
    int echo;
    /// Gain control: dB below full scale, 0 to 31, and dB of gain at most, 0 to 90.
    int gain_target;
    int gain_maximum;
    /// Whether these two are what a person chose, and are to be kept to.
    int gain_is_chosen;
};

struct vc_processing;

/// The file name of the library that this was compiled for; NULL without its headers.
const char *vc_processing_library(void);

/// The parts (a sum) whose levels this version of the library does not act on, as measured. May
/// load the library. Not for an audio thread.
unsigned vc_processing_ignored_levels(void);

/// Loads the library and sets up the parts (a sum of vc_processing_part), at these levels. NULL
/// with the reason in `error`. Not for an audio thread.
struct vc_processing *vc_processing_create(
    unsigned parts, const struct vc_processing_levels *levels, enum vc_processing_error *error);
void vc_processing_destroy(struct vc_processing *processing);

/// How many samples later than into `capture` a sound comes out of it, as measured.
int vc_processing_delay(unsigned parts);

/// How many samples a sound must be given to `render` before its echo is given to `capture`, at
/// least, as measured: what comes sooner is not cancelled.
int vc_processing_echo_lead(void);

// The two below belong to one thread; 0, or a negative number of the library's.

/// Hears a frame that is about to be played, or was.
int vc_processing_render(struct vc_processing *processing, const float *samples);

/// Changes a frame of the microphone in place.
///
/// `delay_ms`: how long after `render` was called with a sound its echo comes back here, about;
/// `has_voice` is set where voice detection is among the parts.
int vc_processing_capture(
    struct vc_processing *processing, float *samples, int delay_ms, int *has_voice);

#ifdef __cplusplus
}
#endif

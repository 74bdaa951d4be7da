#pragma once
#include <stdint.h>

// A sound card made of a file: an ALSA ioplug PCM whose playback side writes into a ring in shared
// memory and whose capture side reads from it, both on CLOCK_MONOTONIC times (1 + ppm / 1,000,000).
// The test maps the same file and asks for faults through its head.

#define VC_FIXTURE_CABLE_SAMPLES (1 << 18)

enum vc_fixture_fault {
    VC_FIXTURE_NONE = 0,
    /// Once: the device has run over or dry.
    VC_FIXTURE_EPIPE = 1,
    /// Once: the machine has slept.
    VC_FIXTURE_ESTRPIPE = 2,
    /// While it stands: the device is unplugged, and cannot be opened.
    VC_FIXTURE_ENODEV = 3,
    /// While it stands: the device makes no progress and gives no error.
    VC_FIXTURE_STALL = 4,
    /// While it stands: whenever the device was started it has run over or dry at once, as it is
    /// with a sound server that was killed. Each time is counted.
    VC_FIXTURE_BROKEN = 5,
    /// While it stands: as VC_FIXTURE_STALL, and who opens, prepares, stops or closes the device
    /// waits, as it is with a sound server that hangs.
    VC_FIXTURE_HANG = 6,
};

/// The head of the shared file. Index 0 is playback, 1 is capture.
struct vc_fixture_control {
    int32_t fault[2];
    /// How often each side was opened, closed, started, and met a fault.
    int32_t opened[2];
    int32_t closed[2];
    int32_t started[2];
    int32_t faults[2];
    /// By how many samples the microphone hears the loudspeaker later than it plays.
    int32_t echo_delay;
    /// Frames of each side's buffer, as it was prepared last.
    int32_t buffer[2];
};

struct vc_fixture_shared {
    struct vc_fixture_control control;
    /// The cable at 48 kHz: the sample for time t is at (t * 48,000) modulo the size.
    int16_t cable[VC_FIXTURE_CABLE_SAMPLES];
};

#pragma once
#include <stdint.h>

/// The baseline of the codec path: encode, seal, open and decode `frames` frames of 10 ms in a bare
/// loop, with the libopus and libsodium calls that vc makes and nothing around them. `samples` is
/// played round and round. Returns the nanoseconds of CPU that the thread used, or 0 on failure.
uint64_t vc_codec_loop(const float *samples, int sample_count, int frames);

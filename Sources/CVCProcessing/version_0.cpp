// libwebrtc-audio-processing 0.3. Its classes are abstract, so all but the making of one goes
// through their virtual tables, and one function has to be found by name.

#include "CVCProcessing.h"
#include "version.h"

#ifdef VC_PROCESSING_VERSION_0

#define WEBRTC_AUDIO_PROCESSING_ONLY_BUILD
#define WEBRTC_POSIX
#include <algorithm>
#include <dlfcn.h>
#include <webrtc/modules/audio_processing/include/audio_processing.h>

using webrtc::AudioProcessing;

namespace {

const char library_name[] = "libwebrtc_audio_processing.so.1";

// static AudioProcessing *AudioProcessing::Create()
using Create = AudioProcessing *();
const char create_name[] = "_ZN6webrtc15AudioProcessing6CreateEv";

// Options that the class takes through webrtc::Config. That finds them by the address of a
// variable that a program and a library which it loads have one each of, so they never arrive;
// these are the functions that they would end at.
using SetOption = void(struct AecCore *, int);

// In samples: the filters that part the sound into three bands and join it again, and what each
// part looks ahead.
const int band_delay = 46;
const int noise_delay = 288;
const int echo_delay = 336;

bool set_echo_options(void *library, AudioProcessing *processing) {
    AecCore *core = processing->echo_cancellation()->aec_core();
    for (const char *name :
         {"WebRtcAec_enable_delay_agnostic", "WebRtcAec_enable_extended_filter"}) {
        auto set = reinterpret_cast<SetOption *>(dlsym(library, name));
        if (set == nullptr || core == nullptr) return false;
        set(core, 1);
    }
    return true;
}

bool set_up(
    void *library, AudioProcessing *processing, unsigned parts,
    const vc_processing_levels &levels) {
    // Before the first frame: each change of the form of the sound begins everything anew.
    int error = processing->Initialize(
        48000, 48000, 48000, AudioProcessing::kMono, AudioProcessing::kMono,
        AudioProcessing::kMono);
    error |= processing->high_pass_filter()->Enable(parts & VC_PROCESSING_HIGH_PASS);
    if (parts & VC_PROCESSING_NOISE_SUPPRESSION) {
        const webrtc::NoiseSuppression::Level known[] = {
            webrtc::NoiseSuppression::kLow, webrtc::NoiseSuppression::kModerate,
            webrtc::NoiseSuppression::kHigh, webrtc::NoiseSuppression::kVeryHigh};
        error |= processing->noise_suppression()->set_level(known[levels.noise & 3]);
        error |= processing->noise_suppression()->Enable(true);
    }
    if (parts & VC_PROCESSING_GAIN_CONTROL) {
        webrtc::GainControl *gain = processing->gain_control();
        error |= gain->set_mode(webrtc::GainControl::kAdaptiveDigital);
        error |= gain->set_target_level_dbfs(levels.gain_target);
        error |= gain->set_compression_gain_db(levels.gain_maximum);
        error |= gain->enable_limiter(true);
        error |= gain->Enable(true);
    }
    if (parts & VC_PROCESSING_VOICE_DETECTION) {
        // The strictest, which is what 1.x has: it knows a fan after three seconds, the most
        // generous one never. What it recognises late is sent on trial (VoiceGate).
        webrtc::VoiceDetection *voice = processing->voice_detection();
        error |= voice->set_likelihood(webrtc::VoiceDetection::kVeryLowLikelihood);
        error |= voice->set_frame_size_ms(10);
        error |= voice->Enable(true);
    }
    if (parts & VC_PROCESSING_ECHO_CANCELLATION) {
        webrtc::EchoCancellation *echo = processing->echo_cancellation();
        error |= echo->enable_drift_compensation(false);
        const webrtc::EchoCancellation::SuppressionLevel known[] = {
            webrtc::EchoCancellation::kLowSuppression,
            webrtc::EchoCancellation::kModerateSuppression,
            webrtc::EchoCancellation::kHighSuppression};
        error |= echo->set_suppression_level(known[std::clamp(levels.echo, 0, 2)]);
        error |= echo->Enable(true);
        if (!set_echo_options(library, processing)) return false;
    }
    return error == AudioProcessing::kNoError;
}

}  // namespace

struct vc_processing {
    AudioProcessing *processing;
    webrtc::StreamConfig stream{48000, 1, false};
    bool cancels_echo;
    bool detects_voice;
};

const char *vc_processing_library(void) { return library_name; }

unsigned vc_processing_ignored_levels(void) { return VC_PROCESSING_GAIN_CONTROL; }

struct vc_processing *vc_processing_create(
    unsigned parts, const struct vc_processing_levels *levels, enum vc_processing_error *error) {
    *error = VC_PROCESSING_NOT_INSTALLED;
    // Kept until the process ends: threads may still be inside of it.
    void *library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return nullptr;
    *error = VC_PROCESSING_REFUSED;
    auto create = reinterpret_cast<Create *>(dlsym(library, create_name));
    AudioProcessing *processing = create == nullptr ? nullptr : create();
    if (processing == nullptr) return nullptr;
    if (!set_up(library, processing, parts, *levels)) {
        delete processing;
        return nullptr;
    }
    *error = VC_PROCESSING_OK;
    auto result = new vc_processing;
    result->processing = processing;
    result->cancels_echo = parts & VC_PROCESSING_ECHO_CANCELLATION;
    result->detects_voice = parts & VC_PROCESSING_VOICE_DETECTION;
    return result;
}

void vc_processing_destroy(struct vc_processing *processing) {
    delete processing->processing;
    delete processing;
}

int vc_processing_delay(unsigned parts) {
    if ((parts & ~unsigned(VC_PROCESSING_VOICE_DETECTION)) == 0) return 0;
    return band_delay + (parts & VC_PROCESSING_NOISE_SUPPRESSION ? noise_delay : 0) +
           (parts & VC_PROCESSING_ECHO_CANCELLATION ? echo_delay : 0);
}

int vc_processing_echo_lead(void) { return 600; }

int vc_processing_render(struct vc_processing *processing, const float *samples) {
    return processing->processing->AnalyzeReverseStream(
        &samples, VC_PROCESSING_SAMPLES, 48000, AudioProcessing::kMono);
}

int vc_processing_capture(
    struct vc_processing *processing, float *samples, int delay_ms, int *has_voice) {
    AudioProcessing *library = processing->processing;
    if (processing->cancels_echo) library->set_stream_delay_ms(delay_ms);
    const int error =
        library->ProcessStream(&samples, processing->stream, processing->stream, &samples);
    if (processing->detects_voice) *has_voice = library->voice_detection()->stream_has_voice();
    return error;
}

#endif

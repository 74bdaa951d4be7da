// libwebrtc-audio-processing 1.x. Its classes are abstract, so all but the making of one goes
// through their virtual tables, and three functions have to be found by name.

#include "CVCProcessing.h"
#include "canceller_1.h"
#include "version.h"

#ifdef VC_PROCESSING_VERSION_1

#include <dlfcn.h>
#include <modules/audio_processing/include/audio_processing.h>
#include <new>

using webrtc::AudioProcessing;
using webrtc::AudioProcessingBuilder;

// The header leaves it to the library, which is not there when this is linked. It does nothing in
// both: all members are plain values.
webrtc::AudioProcessingStats::~AudioProcessingStats() = default;

namespace {

const char library_name[] = "libwebrtc-audio-processing-1.so.3";

// AudioProcessingBuilder's constructor and destructor, and AudioProcessing *Create().
using Change = void(AudioProcessingBuilder *);
using Create = AudioProcessing *(AudioProcessingBuilder *);
const char construct_name[] = "_ZN6webrtc22AudioProcessingBuilderC1Ev";
const char destruct_name[] = "_ZN6webrtc22AudioProcessingBuilderD1Ev";
const char create_name[] = "_ZN6webrtc22AudioProcessingBuilder6CreateEv";

// In samples: the filters that part the sound into three bands and join it again, and what each
// part looks ahead.
const int band_delay = 46;
const int noise_delay = 288;
const int echo_delay = 384;

// Kept until the process ends: threads may still be inside of it.
void *load() { return dlopen(library_name, RTLD_NOW | RTLD_LOCAL); }

AudioProcessing *create(void *library, unsigned parts, const vc_processing_levels &levels) {
    auto construct = reinterpret_cast<Change *>(dlsym(library, construct_name));
    auto destruct = reinterpret_cast<Change *>(dlsym(library, destruct_name));
    auto create = reinterpret_cast<Create *>(dlsym(library, create_name));
    if (construct == nullptr || destruct == nullptr || create == nullptr) return nullptr;
    alignas(AudioProcessingBuilder) unsigned char memory[sizeof(AudioProcessingBuilder)];
    auto builder = reinterpret_cast<AudioProcessingBuilder *>(memory);
    construct(builder);
    if (parts & VC_PROCESSING_ECHO_CANCELLATION) {
        // It is used whatever the configuration says.
        builder->SetEchoControlFactory(vc::make_canceller_factory(library, levels.echo));
    }
    AudioProcessing *processing = create(builder);
    destruct(builder);
    return processing;
}

void set_up(
    AudioProcessing *processing, unsigned parts,
    const vc_processing_levels &levels) {
    AudioProcessing::Config config = processing->GetConfig();
    config.high_pass_filter.enabled = parts & VC_PROCESSING_HIGH_PASS;
    config.echo_canceller.enabled = parts & VC_PROCESSING_ECHO_CANCELLATION;
    config.noise_suppression.enabled = parts & VC_PROCESSING_NOISE_SUPPRESSION;
    using Suppression = AudioProcessing::Config::NoiseSuppression;
    const Suppression::Level known[] = {
        Suppression::kLow, Suppression::kModerate, Suppression::kHigh, Suppression::kVeryHigh};
    config.noise_suppression.level = known[levels.noise & 3];
    config.gain_controller1.enabled = parts & VC_PROCESSING_GAIN_CONTROL;
    config.gain_controller1.mode = AudioProcessing::Config::GainController1::kAdaptiveDigital;
    config.gain_controller1.target_level_dbfs = levels.gain_target;
    config.gain_controller1.compression_gain_db = levels.gain_maximum;
    config.gain_controller1.enable_limiter = true;
    // Finds better values by itself.
    config.gain_controller1.analog_gain_controller.enabled = !levels.gain_is_chosen;
    config.voice_detection.enabled = parts & VC_PROCESSING_VOICE_DETECTION;
    // Watches for echo that is left, for statistics that nobody reads here.
    config.residual_echo_detector.enabled = false;
    processing->ApplyConfig(config);
}

}  // namespace

struct vc_processing {
    AudioProcessing *processing;
    webrtc::StreamConfig stream{48000, 1, false};
    bool cancels_echo;
    bool detects_voice;
    float unused[VC_PROCESSING_SAMPLES];
};

const char *vc_processing_library(void) { return library_name; }

unsigned vc_processing_ignored_levels(void) {
    void *library = load();
    return library == nullptr || vc::can_set_up_canceller(library)
               ? 0
               : VC_PROCESSING_ECHO_CANCELLATION;
}

struct vc_processing *vc_processing_create(
    unsigned parts, const struct vc_processing_levels *levels, enum vc_processing_error *error) {
    *error = VC_PROCESSING_NOT_INSTALLED;
    void *library = load();
    if (library == nullptr) return nullptr;
    *error = VC_PROCESSING_REFUSED;
    AudioProcessing *processing = create(library, parts, *levels);
    if (processing == nullptr) return nullptr;
    processing->AddRef();
    auto result = new vc_processing;
    result->processing = processing;
    result->cancels_echo = parts & VC_PROCESSING_ECHO_CANCELLATION;
    result->detects_voice = parts & VC_PROCESSING_VOICE_DETECTION;
    webrtc::ProcessingConfig formats;
    for (webrtc::StreamConfig &stream : formats.streams) stream = result->stream;
    if (processing->Initialize(formats) != AudioProcessing::kNoError) {
        vc_processing_destroy(result);
        return nullptr;
    }
    set_up(processing, parts, *levels);
    *error = VC_PROCESSING_OK;
    return result;
}

void vc_processing_destroy(struct vc_processing *processing) {
    processing->processing->Release();
    delete processing;
}

int vc_processing_delay(unsigned parts) {
    if ((parts & ~unsigned(VC_PROCESSING_VOICE_DETECTION)) == 0) return 0;
    return band_delay + (parts & VC_PROCESSING_NOISE_SUPPRESSION ? noise_delay : 0) +
           (parts & VC_PROCESSING_ECHO_CANCELLATION ? echo_delay : 0);
}

int vc_processing_echo_lead(void) { return 192; }

int vc_processing_render(struct vc_processing *processing, const float *samples) {
    float *unused = processing->unused;
    return processing->processing->ProcessReverseStream(
        &samples, processing->stream, processing->stream, &unused);
}

int vc_processing_capture(
    struct vc_processing *processing, float *samples, int delay_ms, int *has_voice) {
    AudioProcessing *library = processing->processing;
    if (processing->cancels_echo) library->set_stream_delay_ms(delay_ms);
    const int error =
        library->ProcessStream(&samples, processing->stream, processing->stream, &samples);
    if (processing->detects_voice) {
        *has_voice = library->GetStatistics().voice_detected.value_or(true);
    }
    return error;
}

#endif

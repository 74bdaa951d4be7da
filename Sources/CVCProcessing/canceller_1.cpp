// AEC3 as it comes takes words from who speaks against the loudspeaker, and begins anew where an
// echo moves. Its settings are public, but no function of the library takes them: its own class is
// made here, which has to be found by name, and of which only the interface is known.

#include "canceller_1.h"

#ifdef VC_PROCESSING_VERSION_1

#include <api/audio/echo_canceller3_config.h>
#include <cstddef>
#include <dlfcn.h>
#include <type_traits>

using webrtc::AudioBuffer;
using webrtc::EchoCanceller3Config;
using webrtc::EchoControl;

namespace {

// The constructors EchoCanceller3Config() and
// EchoCanceller3(const EchoCanceller3Config &, int rate, size_t render, size_t capture channels),
// as they are called where addresses have 64 bits.
using ConstructConfig = void(EchoCanceller3Config *);
using Construct = void(void *, const EchoCanceller3Config &, int, size_t, size_t);
const char construct_config_name[] = "_ZN6webrtc20EchoCanceller3ConfigC1Ev";
const char construct_name[] = "_ZN6webrtc14EchoCanceller3C1ERKNS_20EchoCanceller3ConfigEimm";

// Far more than an EchoCanceller3 takes: 1,032 in 1.3; the rest it allocates. What it does not
// touch costs nothing.
const size_t canceller_bytes = 65536;

// The filter, in blocks of 4 ms: reverberation of a quarter of a second, of which 52 ms leave most.
const size_t filter_blocks = 40;
// How much later than it was an echo may come before the filter is moved, which makes it begin
// anew; within the filter's length there is no need to.
const size_t delay_tolerance_blocks = 20;
// Blocks in which a voice must be louder than the echo until the suppressor lets it pass; how many
// times the power of the voice an echo may have beside it then, from where it is touched to where
// it is taken out.
const int voice_blocks = 6;
const float touched_echo_to_voice = 10;
const float suppressed_echo_to_voice = 20;

// An EchoCanceller3 in memory of ours.
class Canceller final : public EchoControl {
public:
    Canceller(Construct *construct, const EchoCanceller3Config &config, int rate, int render,
              int capture)
        // Its only base comes first.
        : memory(new std::byte[canceller_bytes]),
          canceller(reinterpret_cast<EchoControl *>(memory.get())) {
        construct(memory.get(), config, rate, size_t(render), size_t(capture));
    }
    ~Canceller() override { canceller->~EchoControl(); }

    void AnalyzeRender(AudioBuffer *render) override { canceller->AnalyzeRender(render); }
    void AnalyzeCapture(AudioBuffer *capture) override { canceller->AnalyzeCapture(capture); }
    void ProcessCapture(AudioBuffer *capture, bool level_change) override {
        canceller->ProcessCapture(capture, level_change);
    }
    void ProcessCapture(AudioBuffer *capture, AudioBuffer *linear, bool level_change) override {
        canceller->ProcessCapture(capture, linear, level_change);
    }
    Metrics GetMetrics() const override { return canceller->GetMetrics(); }
    void SetAudioBufferDelay(int delay_ms) override { canceller->SetAudioBufferDelay(delay_ms); }
    bool ActiveProcessing() const override { return canceller->ActiveProcessing(); }

private:
    std::unique_ptr<std::byte[]> memory;
    EchoControl *canceller;
};

class CancellerFactory final : public webrtc::EchoControlFactory {
public:
    CancellerFactory(ConstructConfig *construct_config, Construct *construct, int suppression)
        : construct_config(construct_config), construct(construct), suppression(suppression) {}

    std::unique_ptr<EchoControl> Create(int rate, int render, int capture) override {
        static_assert(std::is_trivially_destructible_v<EchoCanceller3Config>);
        alignas(EchoCanceller3Config) unsigned char memory[sizeof(EchoCanceller3Config)];
        auto &config = *reinterpret_cast<EchoCanceller3Config *>(memory);
        construct_config(&config);
        set_up(config);
        return std::make_unique<Canceller>(construct, config, rate, render, capture);
    }

private:
    void set_up(EchoCanceller3Config &config) const {
        config.filter.refined.length_blocks = filter_blocks;
        config.filter.coarse.length_blocks = filter_blocks;
        config.delay.hysteresis_limit_blocks = delay_tolerance_blocks;
        EchoCanceller3Config::Suppressor &suppressor = config.suppressor;
        if (suppression == 0) {
            suppressor.dominant_nearend_detection.trigger_threshold = voice_blocks;
            for (auto mask :
                 {&suppressor.nearend_tuning.mask_lf, &suppressor.nearend_tuning.mask_hf}) {
                mask->enr_transparent = touched_echo_to_voice;
                mask->enr_suppress = suppressed_echo_to_voice;
            }
        } else if (suppression == 2) {
            suppressor.dominant_nearend_detection.enr_threshold = 0;
        }
    }

    ConstructConfig *construct_config;
    Construct *construct;
    int suppression;
};

template <typename Function>
Function *find(void *library, const char *name) {
    return reinterpret_cast<Function *>(dlsym(library, name));
}

}  // namespace

namespace vc {

bool can_set_up_canceller(void *library) {
    return find<ConstructConfig>(library, construct_config_name) != nullptr &&
           find<Construct>(library, construct_name) != nullptr;
}

std::unique_ptr<webrtc::EchoControlFactory> make_canceller_factory(
    void *library, int suppression) {
    if (!can_set_up_canceller(library)) return nullptr;
    return std::make_unique<CancellerFactory>(
        find<ConstructConfig>(library, construct_config_name),
        find<Construct>(library, construct_name), suppression);
}

}  // namespace vc

#endif

#pragma once

// The echo canceller of libwebrtc-audio-processing 1.x (AEC3) with settings of our own.

#include "version.h"

#ifdef VC_PROCESSING_VERSION_1

#include <api/audio/echo_control.h>
#include <memory>

namespace vc {

/// Whether the loaded library has what it takes.
bool can_set_up_canceller(void *library);

/// Makes cancellers. `suppression`: 0 lets pass who speaks against the loudspeaker, 1 does as the
/// library does, 2 takes out all that sounds together with an echo. Null where the library has not
/// what it takes.
std::unique_ptr<webrtc::EchoControlFactory> make_canceller_factory(void *library, int suppression);

}  // namespace vc

#endif

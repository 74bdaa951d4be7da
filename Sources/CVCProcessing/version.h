#pragma once

// Which version of the library there are headers of; 1.x where there are both.

#if __has_include(<modules/audio_processing/include/audio_processing.h>)
#define VC_PROCESSING_VERSION_1 1
#elif __has_include(<webrtc/modules/audio_processing/include/audio_processing.h>)
#define VC_PROCESSING_VERSION_0 1
#endif

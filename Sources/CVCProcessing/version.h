#pragma once

// Which version of the library there are headers of; 1.x where there are both.

#if __has_include(<modules/audio_processing/include/audio_processing.h>)
#define VC_PROCESSING_VERSION_1 1
// What the headers of 1.x want to know, before the first of them.
#define WEBRTC_LIBRARY_IMPL
#define WEBRTC_POSIX
#ifndef NDEBUG
// Else their own checks ask for functions of the library.
#define NDEBUG
#endif
#elif __has_include(<webrtc/modules/audio_processing/include/audio_processing.h>)
#define VC_PROCESSING_VERSION_0 1
#endif

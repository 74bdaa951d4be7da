// Without the headers of any version: says so.

#include "CVCProcessing.h"
#include "version.h"

#if !defined(VC_PROCESSING_VERSION_1) && !defined(VC_PROCESSING_VERSION_0)

const char *vc_processing_library(void) { return NULL; }

unsigned vc_processing_ignored_levels(void) { return 0; }

struct vc_processing *vc_processing_create(
    unsigned, const struct vc_processing_levels *, enum vc_processing_error *error) {
    *error = VC_PROCESSING_NOT_BUILT;
    return NULL;
}

void vc_processing_destroy(struct vc_processing *) {}

int vc_processing_delay(unsigned) { return 0; }

int vc_processing_echo_lead(void) { return 0; }

int vc_processing_render(struct vc_processing *, const float *) { return -1; }

int vc_processing_capture(struct vc_processing *, float *, int, int *) { return -1; }

#endif

// LADSPA plugins for tests. Both work or sleep for some microseconds with each block and say that
// they delay by 100 samples; "slow" copies its sound, "broken" gives what is no number.

#include "PluginFixture.h"
#include "../../Sources/CLADSPA/shim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { port_count = 5 };

struct instance {
    float *ports[port_count];
    int is_broken;
};

static const int kinds[port_count] = {
    VC_LADSPA_PORT_INPUT | VC_LADSPA_PORT_AUDIO,   VC_LADSPA_PORT_OUTPUT | VC_LADSPA_PORT_AUDIO,
    VC_LADSPA_PORT_INPUT | VC_LADSPA_PORT_CONTROL, VC_LADSPA_PORT_INPUT | VC_LADSPA_PORT_CONTROL,
    VC_LADSPA_PORT_OUTPUT | VC_LADSPA_PORT_CONTROL,
};
static const char *const names[port_count] = {
    "Input", "Output", "Work (us)", "Wait (us)", "latency",
};
static const struct vc_ladspa_range ranges[port_count] = {
    [2] = {VC_LADSPA_BOUNDED_BELOW | VC_LADSPA_BOUNDED_ABOVE, 0, 100000},
    [3] = {VC_LADSPA_BOUNDED_BELOW | VC_LADSPA_BOUNDED_ABOVE, 0, 100000},
};

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *instantiate(const struct vc_ladspa_descriptor *descriptor, unsigned long rate) {
    if (rate != 48000) return NULL;
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance != NULL) instance->is_broken = strcmp(descriptor->label, "broken") == 0;
    return instance;
}

static void connect_port(void *raw, unsigned long port, float *location) {
    struct instance *instance = raw;
    if (port < port_count) instance->ports[port] = location;
}

static void run(void *raw, unsigned long count) {
    struct instance *instance = raw;
    const double end = seconds(CLOCK_THREAD_CPUTIME_ID) + *instance->ports[2] * 1e-6;
    for (unsigned long index = 0; index < count; index++)
        instance->ports[1][index] = instance->is_broken ? NAN : instance->ports[0][index];
    while (seconds(CLOCK_THREAD_CPUTIME_ID) < end) { /* works */
    }
    struct timespec pause = {0, (long)(*instance->ports[3] * 1000)};
    if (pause.tv_nsec > 0) nanosleep(&pause, NULL);
    *instance->ports[4] = 100;
}

#define PLUGIN(text)                                                                             \
    {                                                                                            \
        .label = text, .name = text, .maker = "", .copyright = "", .port_count = port_count,     \
        .port_descriptors = kinds, .port_names = names, .port_ranges = ranges,                   \
        .instantiate = instantiate, .connect_port = connect_port, .run = run, .cleanup = free,   \
    }

static const struct vc_ladspa_descriptor plugins[] = {PLUGIN("slow"), PLUGIN("broken")};

const struct vc_ladspa_descriptor *ladspa_descriptor(unsigned long index);

const struct vc_ladspa_descriptor *ladspa_descriptor(unsigned long index) {
    return index < sizeof plugins / sizeof *plugins ? &plugins[index] : NULL;
}

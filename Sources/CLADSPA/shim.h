#pragma once

// The binary interface of LADSPA 1.1 plugins (https://www.ladspa.org/ladspa_sdk/ladspa.h.txt),
// which has not changed since 2002, with names of our own: types only, so that nothing has to be
// installed to build.

/// ladspa_descriptor(0), (1), … gives the plugins of a file, NULL after the last.
#define VC_LADSPA_ENTRY "ladspa_descriptor"

#define VC_LADSPA_PORT_INPUT 0x1
#define VC_LADSPA_PORT_OUTPUT 0x2
#define VC_LADSPA_PORT_CONTROL 0x4
#define VC_LADSPA_PORT_AUDIO 0x8

#define VC_LADSPA_BOUNDED_BELOW 0x1
#define VC_LADSPA_BOUNDED_ABOVE 0x2
#define VC_LADSPA_TOGGLED 0x4
/// The bounds are to be multiplied by the sample rate.
#define VC_LADSPA_SAMPLE_RATE 0x8
#define VC_LADSPA_LOGARITHMIC 0x10
#define VC_LADSPA_INTEGER 0x20
#define VC_LADSPA_DEFAULT_MASK 0x3C0
#define VC_LADSPA_DEFAULT_MINIMUM 0x40
#define VC_LADSPA_DEFAULT_LOW 0x80
#define VC_LADSPA_DEFAULT_MIDDLE 0xC0
#define VC_LADSPA_DEFAULT_HIGH 0x100
#define VC_LADSPA_DEFAULT_MAXIMUM 0x140
#define VC_LADSPA_DEFAULT_0 0x200
#define VC_LADSPA_DEFAULT_1 0x240
#define VC_LADSPA_DEFAULT_100 0x280
#define VC_LADSPA_DEFAULT_440 0x2C0

struct vc_ladspa_range {
    int hints;
    float lower;
    float upper;
};

struct vc_ladspa_descriptor {
    unsigned long unique_id;
    const char *label;
    int properties;
    const char *name;
    const char *maker;
    const char *copyright;
    unsigned long port_count;
    const int *port_descriptors;
    const char *const *port_names;
    const struct vc_ladspa_range *port_ranges;
    void *implementation_data;
    void *(*instantiate)(const struct vc_ladspa_descriptor *descriptor, unsigned long sample_rate);
    void (*connect_port)(void *instance, unsigned long port, float *location);
    void (*activate)(void *instance);
    void (*run)(void *instance, unsigned long sample_count);
    void (*run_adding)(void *instance, unsigned long sample_count);
    void (*set_run_adding_gain)(void *instance, float gain);
    void (*deactivate)(void *instance);
    void (*cleanup)(void *instance);
};

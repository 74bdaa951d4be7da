// The least that a program can do with two devices: what it has recorded it plays.
// Usage: device_loop CAPTURE PLAYBACK PERIOD; two periods of PERIOD samples each, 48 kHz, mono. In
// real time where that is allowed, as vc asks for it.

#include <alsa/asoundlib.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static snd_pcm_t *open_device(const char *name, snd_pcm_stream_t stream, snd_pcm_uframes_t period) {
    snd_pcm_t *device = NULL;
    snd_pcm_hw_params_t *hardware;
    snd_pcm_sw_params_t *software;
    snd_pcm_uframes_t buffer = 2 * period;
    unsigned rate = 48000;
    snd_pcm_hw_params_alloca(&hardware);
    snd_pcm_sw_params_alloca(&software);
    int error = snd_pcm_open(&device, name, stream, 0);
    if (error == 0) error = snd_pcm_hw_params_any(device, hardware);
    if (error >= 0)
        error = snd_pcm_hw_params_set_access(device, hardware, SND_PCM_ACCESS_RW_INTERLEAVED);
    if (error >= 0) error = snd_pcm_hw_params_set_format(device, hardware, SND_PCM_FORMAT_S16_LE);
    if (error >= 0) error = snd_pcm_hw_params_set_channels(device, hardware, 1);
    if (error >= 0) error = snd_pcm_hw_params_set_rate_near(device, hardware, &rate, NULL);
    if (error >= 0)
        error = snd_pcm_hw_params_set_period_size_near(device, hardware, &period, NULL);
    if (error >= 0) error = snd_pcm_hw_params_set_buffer_size_near(device, hardware, &buffer);
    if (error >= 0) error = snd_pcm_hw_params(device, hardware);
    if (error >= 0) error = snd_pcm_sw_params_current(device, software);
    // It starts when it is full.
    if (error >= 0) error = snd_pcm_sw_params_set_start_threshold(device, software, buffer);
    if (error >= 0) error = snd_pcm_sw_params(device, software);
    if (error < 0) {
        fprintf(stderr, "device_loop: %s: %s\n", name, snd_strerror(error));
        exit(1);
    }
    return device;
}

int main(int count, char **arguments) {
    snd_pcm_uframes_t period = count == 4 ? strtoul(arguments[3], NULL, 10) : 0;
    if (period == 0 || period > 4096) {
        fprintf(stderr, "usage: device_loop CAPTURE PLAYBACK PERIOD\n");
        return 64;
    }
    struct sched_param priority = {.sched_priority = 10};
    sched_setscheduler(0, SCHED_FIFO, &priority);
    static short samples[4096], silence[4096];
    snd_pcm_t *capture = open_device(arguments[1], SND_PCM_STREAM_CAPTURE, period);
    snd_pcm_t *playback = open_device(arguments[2], SND_PCM_STREAM_PLAYBACK, period);
    for (;;) {
        // Both begin anew, so that what was missed does not stay as delay: capture now, playback
        // when the first period of sound follows one of silence.
        snd_pcm_drop(capture);
        snd_pcm_drop(playback);
        snd_pcm_prepare(capture);
        snd_pcm_prepare(playback);
        snd_pcm_start(capture);
        snd_pcm_sframes_t done = snd_pcm_writei(playback, silence, period);
        while (done >= 0) {
            done = snd_pcm_readi(capture, samples, period);
            if (done > 0) done = snd_pcm_writei(playback, samples, (snd_pcm_uframes_t)done);
        }
        if (done == -ENODEV) return 1;
    }
}

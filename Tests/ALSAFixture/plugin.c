// The plugin of ALSAFixture.h. Configuration: type vcfixture, cable PATH, ppm NUMBER, rate HZ,
// channels N, periods N (at least), period FRAMES (at least), blocks 1 (it moves by whole
// periods).

#include "ALSAFixture.h"

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct card {
    snd_pcm_ioplug_t io;
    int side;
    int timer;
    struct vc_fixture_shared *shared;
    double ppm;
    bool in_periods;
    /// CLOCK_MONOTONIC of frame 0, in seconds.
    double start;
    int running;
    /// Frames that the program has moved since `prepare`.
    int64_t moved;
    /// The position at which it stands still, or -1.
    int64_t frozen;
    /// The last sample of the cable that was written, or -1.
    int64_t last_cable;
    int64_t last_position;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double frames_per_second(const struct card *card) {
    return card->io.rate * (1 + card->ppm * 1e-6);
}

static int32_t standing_fault(const struct vc_fixture_shared *shared, int side) {
    return __atomic_load_n(&shared->control.fault[side], __ATOMIC_ACQUIRE);
}

static void wait_while_hanging(const struct vc_fixture_shared *shared, int side) {
    const struct timespec pause = {0, 5000000};
    while (standing_fault(shared, side) == VC_FIXTURE_HANG) nanosleep(&pause, NULL);
}

static int32_t take_fault(struct card *card) {
    int32_t *fault = &card->shared->control.fault[card->side];
    int32_t value = __atomic_load_n(fault, __ATOMIC_ACQUIRE);
    if (value == VC_FIXTURE_EPIPE || value == VC_FIXTURE_ESTRPIPE) {
        if (!card->running) return VC_FIXTURE_NONE;
        __atomic_store_n(fault, VC_FIXTURE_NONE, __ATOMIC_RELEASE);
        __atomic_add_fetch(&card->shared->control.faults[card->side], 1, __ATOMIC_RELAXED);
    }
    if (value == VC_FIXTURE_BROKEN) {
        if (!card->running) return VC_FIXTURE_NONE;
        __atomic_add_fetch(&card->shared->control.faults[card->side], 1, __ATOMIC_RELAXED);
    }
    return value;
}

static int64_t position(struct card *card) {
    if (!card->running) return 0;
    int32_t fault = standing_fault(card->shared, card->side);
    int64_t value = (int64_t)((now() - card->start) * frames_per_second(card));
    if (fault == VC_FIXTURE_STALL || fault == VC_FIXTURE_HANG) {
        if (card->frozen < 0) card->frozen = value;
        return card->frozen;
    }
    if (card->frozen >= 0) {
        // It goes on from where it stood.
        card->start += (double)(value - card->frozen) / frames_per_second(card);
        value = card->frozen;
        card->frozen = -1;
    }
    return value;
}

// What a microphone has handed over until `value`: whole periods, where it is such a card.
static int64_t handed_over(struct card *card, int64_t value) {
    return card->in_periods ? value - value % (int64_t)card->io.period_size : value;
}

static void arm(struct card *card, int on) {
    struct itimerspec times = {{0, 0}, {0, 0}};
    if (on) times.it_interval.tv_nsec = times.it_value.tv_nsec = 1000000;
    timerfd_settime(card->timer, 0, &times, NULL);
}

static int card_start(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    if (card->shared->control.fault[card->side] == VC_FIXTURE_ENODEV) return -ENODEV;
    card->start = now();
    card->running = 1;
    card->frozen = -1;
    __atomic_add_fetch(&card->shared->control.started[card->side], 1, __ATOMIC_RELAXED);
    arm(card, 1);
    return 0;
}

static int card_stop(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    wait_while_hanging(card->shared, card->side);
    card->running = 0;
    arm(card, 0);
    return 0;
}

static int card_prepare(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    wait_while_hanging(card->shared, card->side);
    if (card->shared->control.fault[card->side] == VC_FIXTURE_ENODEV) return -ENODEV;
    card->shared->control.buffer[card->side] = (int32_t)io->buffer_size;
    card->running = 0;
    card->moved = 0;
    card->frozen = -1;
    card->last_cable = -1;
    card->last_position = 0;
    return 0;
}

static int card_resume(snd_pcm_ioplug_t *io) {
    (void)io;
    return 0;
}

static snd_pcm_sframes_t card_pointer(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    switch (take_fault(card)) {
    case VC_FIXTURE_EPIPE:
    case VC_FIXTURE_BROKEN:
        return -EPIPE;
    case VC_FIXTURE_ESTRPIPE:
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_SUSPENDED);
        card->running = 0;
        return card->last_position % io->buffer_size;
    case VC_FIXTURE_ENODEV:
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
        card->running = 0;
        return card->last_position % io->buffer_size;
    default:
        break;
    }
    int64_t value = handed_over(card, position(card));
    if (io->stream == SND_PCM_STREAM_PLAYBACK) {
        if (card->running && value > card->moved) return -EPIPE;
    } else if (value - card->moved > (int64_t)io->buffer_size) {
        return -EPIPE;
    }
    card->last_position = value;
    return value % io->buffer_size;
}

// The playback side is filled before it starts: its first frames belong to the time at which it
// will start, which is at most a few milliseconds away.
static int64_t cable_index(struct card *card, int64_t frame) {
    double start = card->running ? card->start : now();
    return (int64_t)floor((start + (double)frame / frames_per_second(card)) * 48000.0);
}

static snd_pcm_sframes_t card_transfer(
    snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
    snd_pcm_uframes_t size) {
    struct card *card = io->private_data;
    int16_t *cable = card->shared->cable;
    unsigned step = areas->step / 16;
    int32_t delay = __atomic_load_n(&card->shared->control.echo_delay, __ATOMIC_RELAXED);
    int16_t *samples = (int16_t *)areas->addr + areas->first / 16 + offset * step;
    for (snd_pcm_uframes_t frame = 0; frame < size; frame++) {
        int64_t index = cable_index(card, card->moved + (int64_t)frame);
        if (io->stream == SND_PCM_STREAM_PLAYBACK) {
            // A slow card leaves no hole in the cable.
            bool follows = card->last_cable >= 0 && index - card->last_cable < 16;
            int64_t from = follows ? card->last_cable + 1 : index;
            for (int64_t i = from; i <= index; i++)
                cable[i & (VC_FIXTURE_CABLE_SAMPLES - 1)] = samples[frame * step];
            card->last_cable = index;
        } else {
            int16_t value = cable[(index - delay) & (VC_FIXTURE_CABLE_SAMPLES - 1)];
            for (unsigned channel = 0; channel < io->channels; channel++)
                samples[frame * step + channel] = value;
            // What was heard half a cable ago is not to be heard again.
            cable[(index - VC_FIXTURE_CABLE_SAMPLES / 2) & (VC_FIXTURE_CABLE_SAMPLES - 1)] = 0;
        }
    }
    card->moved += (int64_t)size;
    return (snd_pcm_sframes_t)size;
}

static int card_poll_revents(
    snd_pcm_ioplug_t *io, struct pollfd *entries, unsigned count, unsigned short *events) {
    struct card *card = io->private_data;
    uint64_t ticks;
    (void)entries, (void)count;
    if (read(card->timer, &ticks, sizeof ticks) < 0) { /* nothing was due */
    }
    *events = 0;
    if (standing_fault(card->shared, card->side) == VC_FIXTURE_ENODEV) {
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
        *events = POLLERR | POLLNVAL;
        return 0;
    }
    int64_t value = handed_over(card, position(card));
    int64_t available =
        io->stream == SND_PCM_STREAM_PLAYBACK ? (int64_t)io->buffer_size - (card->moved - value)
                                              : value - card->moved;
    if (available >= (int64_t)io->period_size)
        *events = io->stream == SND_PCM_STREAM_PLAYBACK ? POLLOUT : POLLIN;
    return 0;
}

static int card_delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *delay) {
    struct card *card = io->private_data;
    int64_t value = position(card);
    bool plays = io->stream == SND_PCM_STREAM_PLAYBACK;
    *delay = (snd_pcm_sframes_t)(plays ? card->moved - value : value - card->moved);
    return 0;
}

static int card_close(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    wait_while_hanging(card->shared, card->side);
    __atomic_add_fetch(&card->shared->control.closed[card->side], 1, __ATOMIC_RELAXED);
    close(card->timer);
    munmap(card->shared, sizeof *card->shared);
    free(card);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = card_start,
    .stop = card_stop,
    .pointer = card_pointer,
    .transfer = card_transfer,
    .prepare = card_prepare,
    .resume = card_resume,
    .poll_revents = card_poll_revents,
    .delay = card_delay,
    .close = card_close,
};

static int constrain(
    struct card *card, long rate, long channels, long fewest_periods, long least_period) {
    snd_pcm_ioplug_t *io = &card->io;
    unsigned access[] = {SND_PCM_ACCESS_RW_INTERLEAVED};
    unsigned format[] = {SND_PCM_FORMAT_S16_LE};
    unsigned frame = 2 * (unsigned)channels;
    int error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, access);
    if (error < 0) return error;
    error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, format);
    if (error < 0) return error;
    error = snd_pcm_ioplug_set_param_minmax(
        io, SND_PCM_IOPLUG_HW_CHANNELS, (unsigned)channels, (unsigned)channels);
    if (error < 0) return error;
    error = snd_pcm_ioplug_set_param_minmax(
        io, SND_PCM_IOPLUG_HW_RATE, (unsigned)rate, (unsigned)rate);
    if (error < 0) return error;
    error = snd_pcm_ioplug_set_param_minmax(
        io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, (unsigned)least_period * frame, 4096 * frame);
    if (error < 0) return error;
    error = snd_pcm_ioplug_set_param_minmax(
        io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 128 * frame, 16384 * frame);
    if (error < 0) return error;
    return snd_pcm_ioplug_set_param_minmax(
        io, SND_PCM_IOPLUG_HW_PERIODS, (unsigned)fewest_periods, 64);
}

static int map_cable(struct card *card, const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return -errno;
    if (ftruncate(file, sizeof *card->shared) < 0) {
        close(file);
        return -EIO;
    }
    void *memory = mmap(NULL, sizeof *card->shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) return -ENOMEM;
    card->shared = memory;
    return 0;
}

SND_PCM_PLUGIN_DEFINE_FUNC(vcfixture) {
    snd_config_iterator_t entry, next;
    const char *path = NULL;
    double ppm = 0;
    long rate = 48000, channels = 1, in_periods = 0;
    long fewest_periods = 2, least_period = 64;
    (void)root;
    snd_config_for_each(entry, next, conf) {
        snd_config_t *node = snd_config_iterator_entry(entry);
        const char *id;
        if (snd_config_get_id(node, &id) < 0) continue;
        if (strcmp(id, "cable") == 0) snd_config_get_string(node, &path);
        if (strcmp(id, "ppm") == 0) snd_config_get_ireal(node, &ppm);
        if (strcmp(id, "rate") == 0) snd_config_get_integer(node, &rate);
        if (strcmp(id, "channels") == 0) snd_config_get_integer(node, &channels);
        if (strcmp(id, "periods") == 0) snd_config_get_integer(node, &fewest_periods);
        if (strcmp(id, "period") == 0) snd_config_get_integer(node, &least_period);
        if (strcmp(id, "blocks") == 0) snd_config_get_integer(node, &in_periods);
    }
    if (path == NULL) return -EINVAL;
    struct card *card = calloc(1, sizeof *card);
    if (card == NULL) return -ENOMEM;
    card->side = stream == SND_PCM_STREAM_CAPTURE;
    card->ppm = ppm;
    card->in_periods = in_periods != 0;
    card->frozen = -1;
    card->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int error = card->timer < 0 ? -errno : map_cable(card, path);
    if (error == 0) wait_while_hanging(card->shared, card->side);
    if (error == 0 && card->shared->control.fault[card->side] == VC_FIXTURE_ENODEV) error = -ENODEV;
    if (error < 0) {
        if (card->shared) munmap(card->shared, sizeof *card->shared);
        if (card->timer >= 0) close(card->timer);
        free(card);
        return error;
    }
    __atomic_add_fetch(&card->shared->control.opened[card->side], 1, __ATOMIC_RELAXED);
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "vc fixture";
    card->io.callback = &callbacks;
    card->io.private_data = card;
    card->io.poll_fd = card->timer;
    card->io.poll_events = POLLIN;
    error = snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (error < 0) return error;
    error = constrain(card, rate, channels, fewest_periods, least_period);
    if (error < 0) {
        snd_pcm_ioplug_delete(&card->io);
        return error;
    }
    *pcmp = card->io.pcm;
    return 0;
}

SND_PCM_PLUGIN_SYMBOL(vcfixture);

// The least that a side of a call can do: one thread that wakes once a frame, encodes, sends,
// decodes what has come, and plays it to nobody. It seals nothing, waits for nothing that is late,
// and takes what is lost as lost. Opus is set as vc sets it.
// Usage: bare_call PORT PEER_PORT MILLISECONDS VOICE.wav (48 kHz, mono, 16 bits), until killed.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <opus/opus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { RATE = 48000, BITRATE = 48000, COMPLEXITY = 5, WAV_HEADER = 44 };
enum { LONGEST_FRAME = RATE / 50, LARGEST_PACKET = 1500 };

static void require(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "bare_call: %s\n", what);
    exit(1);
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int main(int count, char **arguments) {
    require(count == 5, "PORT PEER_PORT MILLISECONDS VOICE.wav");
    const int milliseconds = atoi(arguments[3]);
    const int frame = RATE / 1000 * milliseconds;
    require(frame > 0 && frame <= LONGEST_FRAME, "frames are of at most 20 ms");

    FILE *file = fopen(arguments[4], "rb");
    require(file != NULL, "no such file");
    static int16_t voice[RATE * 60];
    require(fseek(file, WAV_HEADER, SEEK_SET) == 0, "no sound");
    const size_t length = fread(voice, sizeof voice[0], RATE * 60, file);
    require(length >= (size_t)frame, "too short");
    fclose(file);

    int error = 0;
    OpusEncoder *encoder =
        opus_encoder_create(RATE, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
    require(encoder != NULL, "no encoder");
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(BITRATE));
    opus_encoder_ctl(encoder, OPUS_SET_VBR(0));
    opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(COMPLEXITY));
    OpusDecoder *decoder = opus_decoder_create(RATE, 1, &error);
    require(decoder != NULL, "no decoder");

    const struct sockaddr_in own = loopback(atoi(arguments[1]));
    const struct sockaddr_in peer = loopback(atoi(arguments[2]));
    const int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    require(bind(descriptor, (const struct sockaddr *)&own, sizeof own) == 0, "the port is taken");

    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    static float samples[LONGEST_FRAME];
    static unsigned char packet[LARGEST_PACKET];
    for (size_t position = 0;; position += (size_t)frame) {
        due.tv_nsec += milliseconds * 1000000L;
        if (due.tv_nsec >= 1000000000L) {
            due.tv_nsec -= 1000000000L;
            due.tv_sec += 1;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        for (int index = 0; index < frame; ++index)
            samples[index] = (float)voice[(position + (size_t)index) % length] / 32768;
        const int size = opus_encode_float(encoder, samples, frame, packet, LARGEST_PACKET);
        require(size > 0, "not encoded");
        // The other one may not be there yet.
        (void)!sendto(
            descriptor, packet, (size_t)size, 0, (const struct sockaddr *)&peer, sizeof peer);
        for (;;) {
            const ssize_t got = recv(descriptor, packet, LARGEST_PACKET, MSG_DONTWAIT);
            if (got <= 0) break;
            require(opus_decode_float(
                        decoder, packet, (opus_int32)got, samples, LONGEST_FRAME, 0) > 0,
                    "not decoded");
        }
    }
}

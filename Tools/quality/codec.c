// Opus alone: float samples at 48 kHz, mono, from standard input through encoder and decoder to
// standard output, with the settings of Sources/VCAudio/Codec/OpusEncoder.swift. The delay of the
// encoder is cut off, so that output and input lie on top of each other.
//
// usage: codec [PERCENT SEED COMPLEXITY]
//
// So many of a hundred frames are lost by a seed, and made up by the decoder with this complexity:
// from 5 on libopus 1.5 does that with a neural network, where it was built with one.

#include <opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { rate = 48000, frame = 480, bitrate = 48000, complexity = 5, packet_limit = 1500 };

int main(int count_of_arguments, char **arguments) {
    int error = 0;
    OpusEncoder *encoder =
        opus_encoder_create(rate, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
    OpusDecoder *decoder = error == OPUS_OK ? opus_decoder_create(rate, 1, &error) : NULL;
    if (error != OPUS_OK) {
        fprintf(stderr, "codec: %s\n", opus_strerror(error));
        return 1;
    }
    opus_int32 lookahead = 0;
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bitrate));
    opus_encoder_ctl(encoder, OPUS_SET_VBR(0));
    opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity));
    opus_encoder_ctl(encoder, OPUS_GET_LOOKAHEAD(&lookahead));

    int percent = 0;
    unsigned seed = 0;
    if (count_of_arguments == 4) {
        percent = atoi(arguments[1]);
        seed = (unsigned)atoi(arguments[2]);
        // Older ones do not know the request, and make up as they do.
        opus_decoder_ctl(decoder, OPUS_SET_COMPLEXITY(atoi(arguments[3])));
    }

    float samples[frame];
    unsigned char packet[packet_limit];
    size_t count = 0;
    while (memset(samples, 0, sizeof samples),
           (count = fread(samples, sizeof *samples, frame, stdin)) > 0) {
        int size = opus_encode_float(encoder, samples, frame, packet, packet_limit);
        int is_lost = rand_r(&seed) % 100 < percent;
        const unsigned char *arrived = is_lost ? NULL : packet;
        int decoded = size < 0 ? size
                               : opus_decode_float(decoder, arrived, is_lost ? 0 : size, samples,
                                                   frame, 0);
        if (decoded != frame) {
            fprintf(stderr, "codec: %s\n", opus_strerror(decoded));
            return 1;
        }
        size_t skipped = lookahead < frame ? (size_t)lookahead : frame;
        fwrite(samples + skipped, sizeof *samples, frame - skipped, stdout);
        lookahead -= (opus_int32)skipped;
    }
    return 0;
}

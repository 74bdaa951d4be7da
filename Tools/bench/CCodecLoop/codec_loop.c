#include "CCodecLoop.h"

#include <opus/opus.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

enum {
    frame = 480,             // 10 ms at 48 kHz
    clear_bytes = 13,        // the header of a sealed packet
    header_bytes = 9,        // the header of a voice packet
    frame_bytes = 400,
};

static uint64_t thread_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t vc_codec_loop(const float *samples, int sample_count, int frames) {
    int error = 0;
    OpusEncoder *encoder =
        opus_encoder_create(48000, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
    OpusDecoder *decoder = opus_decoder_create(48000, 1, &error);
    if (encoder == NULL || decoder == NULL || sodium_init() < 0) return 0;
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(48000));
    opus_encoder_ctl(encoder, OPUS_SET_VBR(0));
    opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(5));
    unsigned char key[crypto_aead_chacha20poly1305_ietf_KEYBYTES] = {1};
    unsigned char nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};
    unsigned char packet[clear_bytes + header_bytes + frame_bytes + 16] = {0};
    float output[frame];
    int offset = 0;
    const uint64_t start = thread_nanoseconds();
    for (int number = 0; number < frames; number++) {
        unsigned char *plain = packet + clear_bytes;
        const int length =
            opus_encode_float(encoder, samples + offset, frame, plain + header_bytes, frame_bytes);
        if (length <= 0) return 0;
        memcpy(nonce + 4, &number, sizeof number);
        crypto_aead_chacha20poly1305_ietf_encrypt(
            plain, NULL, plain, header_bytes + (unsigned)length, packet, clear_bytes, NULL, nonce,
            key);
        if (crypto_aead_chacha20poly1305_ietf_decrypt(
                plain, NULL, NULL, plain, header_bytes + (unsigned)length + 16, packet,
                clear_bytes, nonce, key) != 0)
            return 0;
        if (opus_decode_float(decoder, plain + header_bytes, length, output, frame, 0) != frame)
            return 0;
        offset += frame;
        if (offset + frame > sample_count) offset = 0;
    }
    const uint64_t end = thread_nanoseconds();
    opus_encoder_destroy(encoder);
    opus_decoder_destroy(decoder);
    return end - start;
}

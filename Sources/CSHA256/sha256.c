#include "sha256.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define BUILT_IN __attribute__((target("sha,sse4.1,ssse3")))

static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The eight working words as the instructions want them: A B E F and C D G H, from the highest down.
typedef struct {
    __m128i abef;
    __m128i cdgh;
} State;

BUILT_IN static inline State begin(void) {
    return (State){
        _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)};
}

/// One block of sixteen words, four in each.
BUILT_IN static inline void block(State *state, __m128i w0, __m128i w1, __m128i w2, __m128i w3) {
    __m128i words[4] = {w0, w1, w2, w3};
    __m128i abef = state->abef, cdgh = state->cdgh;
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
        __m128i sum = _mm_add_epi32(words[i & 3], _mm_load_si128((const __m128i *)(constants + 4 * i)));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
        if (i < 12) {
            __m128i next = _mm_sha256msg1_epu32(words[i & 3], words[(i + 1) & 3]);
            next = _mm_add_epi32(next, _mm_alignr_epi8(words[(i + 3) & 3], words[(i + 2) & 3], 4));
            words[i & 3] = _mm_sha256msg2_epu32(next, words[(i + 3) & 3]);
        }
    }
    state->abef = _mm_add_epi32(state->abef, abef);
    state->cdgh = _mm_add_epi32(state->cdgh, cdgh);
}

/// Sixteen bytes as four big-endian words.
BUILT_IN static inline __m128i swapped(__m128i bytes) {
    return _mm_shuffle_epi8(bytes, _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
}

/// Of the last bytes of a message those from 16 × lane on: what lies behind `rest` bytes is padding.
BUILT_IN static inline __m128i padded(const uint8_t *bytes, int rest, int lane) {
    __m128i place = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m128i left = _mm_set1_epi8((char)(rest - 16 * lane));
    __m128i own = _mm_loadu_si128((const __m128i *)(bytes + 16 * lane));
    own = _mm_and_si128(own, _mm_cmpgt_epi8(left, place));
    __m128i mark = _mm_and_si128(_mm_cmpeq_epi8(left, place), _mm_set1_epi8((char)0x80));
    return swapped(_mm_or_si128(own, mark));
}

/// The length in bits, where it stands in the last four words of a message.
BUILT_IN static inline __m128i length(size_t bytes) {
    uint64_t bits = (uint64_t)bytes * 8;
    return _mm_set_epi32((int)(uint32_t)bits, (int)(uint32_t)(bits >> 32), 0, 0);
}

/// - Parameter readable: from `bytes` on, at least `count`.
BUILT_IN static inline State hash(const uint8_t *bytes, size_t count, size_t readable) {
    State state = begin();
    size_t at = 0;
    for (; count - at >= 64; at += 64) {
        const __m128i *block64 = (const __m128i *)(bytes + at);
        block(
            &state, swapped(_mm_loadu_si128(block64)), swapped(_mm_loadu_si128(block64 + 1)),
            swapped(_mm_loadu_si128(block64 + 2)), swapped(_mm_loadu_si128(block64 + 3)));
    }
    int rest = (int)(count - at);
    uint8_t copy[64];
    const uint8_t *last = bytes + at;
    if (readable - at < 64) {
        memset(copy, 0, sizeof copy);
        if (rest > 0) memcpy(copy, last, (size_t)rest);
        last = copy;
    }
    __m128i w0 = padded(last, rest, 0), w1 = padded(last, rest, 1);
    __m128i w2 = padded(last, rest, 2), w3 = padded(last, rest, 3);
    if (rest < 56) {
        block(&state, w0, w1, w2, _mm_or_si128(w3, length(count)));
        return state;
    }
    __m128i zero = _mm_setzero_si128();
    block(&state, w0, w1, w2, w3);
    block(&state, zero, zero, zero, length(count));
    return state;
}

/// A to D and E to H, from the lowest up.
BUILT_IN static inline void words(State state, __m128i *abcd, __m128i *efgh) {
    __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b);
    __m128i ghcd = _mm_shuffle_epi32(state.cdgh, 0x1b);
    *abcd = _mm_unpacklo_epi64(feba, ghcd);
    *efgh = _mm_unpackhi_epi64(feba, ghcd);
}

/// Two words of 32 bits each as one of 64: the first is the upper half.
BUILT_IN static inline void store(void *digest, State state) {
    __m128i abcd, efgh;
    words(state, &abcd, &efgh);
    _mm_storeu_si128((__m128i *)digest, _mm_shuffle_epi32(abcd, 0xb1));
    _mm_storeu_si128((__m128i *)digest + 1, _mm_shuffle_epi32(efgh, 0xb1));
}

bool sha256_is_built_in(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
    if (!(c & bit_SSSE3) || !(c & bit_SSE4_1)) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    return (b >> 29) & 1;
}

BUILT_IN void sha256_each(const void *bytes, const uint32_t *ends, size_t count, void *digests) {
    const uint8_t *base = bytes;
    size_t total = count > 0 ? ends[count - 1] : 0, start = 0;
    for (size_t i = 0; i < count; i++) {
        store((uint8_t *)digests + 32 * i, hash(base + start, ends[i] - start, total - start));
        start = ends[i];
    }
}

BUILT_IN void sha256_chain(const void *head, void *digests, size_t count) {
    const __m128i *before = head;
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128(before), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(before + 1), 0xb1);
    __m128i zero = _mm_setzero_si128(), mark = _mm_setr_epi32((int)0x80000000, 0, 0, 0);
    for (size_t i = 0; i < count; i++) {
        __m128i *digest = (__m128i *)digests + 2 * i;
        State state = begin();
        block(
            &state, abcd, efgh, _mm_shuffle_epi32(_mm_loadu_si128(digest), 0xb1),
            _mm_shuffle_epi32(_mm_loadu_si128(digest + 1), 0xb1));
        block(&state, mark, zero, zero, length(64));
        store(digest, state);
        words(state, &abcd, &efgh);
    }
}

#else

bool sha256_is_built_in(void) { return false; }
void sha256_each(const void *bytes, const uint32_t *ends, size_t count, void *digests) { __builtin_trap(); }
void sha256_chain(const void *head, void *digests, size_t count) { __builtin_trap(); }

#endif

// SPDX-License-Identifier: MIT
#include <endian.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "sha256.h"

static const uint32_t constants[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void blocks_plain(uint32_t *state, const uint8_t *p, size_t n)
{
	for (; n--; p += 64) {
		uint32_t w[64], v[8];

		for (int i = 0; i < 16; i++) {
			memcpy(&w[i], p + 4 * i, 4);
			w[i] = be32toh(w[i]);
		}
		for (int i = 16; i < 64; i++)
			w[i] = w[i - 16] + w[i - 7] +
			       (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
			       (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
		memcpy(v, state, sizeof(v));
		for (int i = 0; i < 64; i++) {
			uint32_t t = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) +
				     ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[i] + w[i];
			uint32_t u = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) +
				     ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

			memmove(v + 1, v, 7 * sizeof(*v));
			v[4] += t;
			v[0] = t + u;
		}
		for (int i = 0; i < 8; i++)
			state[i] += v[i];
	}
}

#if defined(__x86_64__)
__attribute__((target("sha,sse4.1")))
static void blocks_sha(uint32_t *state, const uint8_t *p, size_t n)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
	const __m128i *k = (const __m128i *)constants;
	__m128i t = _mm_shuffle_epi32(_mm_loadu_si128((__m128i *)state), 0xb1);
	__m128i b = _mm_shuffle_epi32(_mm_loadu_si128((__m128i *)(state + 4)), 0x1b);
	__m128i a = _mm_alignr_epi8(t, b, 8);

	/* words A B E F and C D G H, as the instructions want them */
	b = _mm_blend_epi16(b, t, 0xf0);
	for (; n--; p += 64) {
		__m128i w[4], a0 = a, b0 = b;

		for (int i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p + i), swap);
		for (int i = 0; i < 16; i++) {
			__m128i x = _mm_add_epi32(w[i % 4], _mm_load_si128(k + i));

			b = _mm_sha256rnds2_epu32(b, a, x);
			a = _mm_sha256rnds2_epu32(a, b, _mm_shuffle_epi32(x, 0x0e));
			x = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
			x = _mm_add_epi32(x, _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4));
			w[i % 4] = _mm_sha256msg2_epu32(x, w[(i + 3) % 4]);
		}
		a = _mm_add_epi32(a, a0);
		b = _mm_add_epi32(b, b0);
	}
	t = _mm_shuffle_epi32(a, 0x1b);
	b = _mm_shuffle_epi32(b, 0xb1);
	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(t, b, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(b, t, 8));
}

static int has_sha(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 29 & 1 &&
	       __builtin_cpu_supports("sse4.1");
}
#endif

static void blocks(uint32_t *state, const uint8_t *p, size_t n)
{
#if defined(__x86_64__)
	static int sha;		/* 0: not asked yet; asking twice gives the same */
	int known = __atomic_load_n(&sha, __ATOMIC_RELAXED);

	if (!known) {
		known = has_sha() ? 1 : -1;
		__atomic_store_n(&sha, known, __ATOMIC_RELAXED);
	}
	if (known > 0) {
		blocks_sha(state, p, n);
		return;
	}
#endif
	blocks_plain(state, p, n);
}

void sha256_init(struct sha256 *s)
{
	static const uint32_t first[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	memcpy(s->state, first, sizeof(first));
	s->size = 0;
}

void sha256_add(struct sha256 *s, const void *data, size_t size)
{
	size_t used = s->size % 64, room = 64 - used;
	const uint8_t *p = data;

	s->size += size;
	if (used && size >= room) {
		memcpy(s->block + used, p, room);
		blocks(s->state, s->block, 1);
		p += room;
		size -= room;
		used = 0;
	}
	if (size >= 64) {
		blocks(s->state, p, size / 64);
		p += size / 64 * 64;
		size %= 64;
	}
	if (size)
		memcpy(s->block + used, p, size);
}

void sha256_end(struct sha256 *s, uint8_t digest[SHA256_SIZE])
{
	static const uint8_t pad[72] = { 0x80 };
	uint64_t bits = htobe64(s->size * 8);

	sha256_add(s, pad, 1 + (119 - s->size % 64) % 64);
	sha256_add(s, &bits, sizeof(bits));
	for (int i = 0; i < 8; i++) {
		uint32_t word = htobe32(s->state[i]);

		memcpy(digest + 4 * i, &word, 4);
	}
}

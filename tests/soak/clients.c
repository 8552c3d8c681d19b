// SPDX-License-Identifier: MIT
/* Clients that have it all right and verify it. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <accel/accel.h>

#include "../kselftest/card.h"

#include "soak.h"

#define PAGE	4096ull
#define DATA	(CLIENT_VA + CLIENT_DATA)
#define VA	0x40000000ull
#define LONG	(300 * SEC)

/* ---- libaccel ----------------------------------------------------------------------- */

#define CASES	6
#define MOST	(72 * 72)

/* A product, computed by a simulated card before all begins. */
struct gemm {
	uint32_t m, n, k;
	enum accel_dtype dtype, dtype_c;
	uint32_t size_c;
	uint8_t a[4 * MOST], b[4 * MOST], c[4 * MOST];
};

static struct gemm gemms[CASES] = {
	{ .m = 33, .n = 17, .k = 65, .dtype = ACCEL_F32, .dtype_c = ACCEL_F32, .size_c = 4 },
	{ .m = 64, .n = 64, .k = 64, .dtype = ACCEL_BF16, .dtype_c = ACCEL_F32, .size_c = 4 },
	{ .m = 48, .n = 31, .k = 70, .dtype = ACCEL_F16, .dtype_c = ACCEL_F16, .size_c = 2 },
	{ .m = 50, .n = 40, .k = 72, .dtype = ACCEL_I8, .dtype_c = ACCEL_I32, .size_c = 4 },
	{ .m = 1, .n = 72, .k = 72, .dtype = ACCEL_U8, .dtype_c = ACCEL_I32, .size_c = 4 },
	{ .m = 72, .n = 72, .k = 1, .dtype = ACCEL_BF16, .dtype_c = ACCEL_BF16, .size_c = 2 },
};

static int gemm_run(struct accel_queue *queue, struct gemm *g, void *to)
{
	struct accel_matrix a = { g->a, g->dtype, false, 0 }, b = { g->b, g->dtype, false, 0 };
	struct accel_matrix c = { to, g->dtype_c, false, 0 };

	return accel_gemm_host(queue, g->m, g->n, g->k, &a, &b, &c, NULL);
}

/* Small numbers of either sign, whatever the type. */
static void gemm_fill(struct gemm *g, uint64_t *seed)
{
	for (uint32_t i = 0; i < MOST; i++) {
		float values[2] = { (int)soak_random(seed, 2001) - 1000,
				    (int)soak_random(seed, 2001) - 1000 };

		for (int n = 0; n < 2; n++) {
			uint8_t *to = n ? g->b : g->a;
			float value = values[n] / 512;
			uint16_t half;

			switch (g->dtype) {
			case ACCEL_F32:
				memcpy(to + 4 * i, &value, 4);
				break;
			case ACCEL_BF16:
				memcpy(to + 2 * i, (uint8_t *)&value + 2, 2);
				break;
			case ACCEL_F16:
				/* Between 1 and 2 or -1 and -2. */
				half = (soak_random(seed, 2) ? 0x3c00 : 0xbc00) | soak_random(seed, 1024);
				memcpy(to + 2 * i, &half, 2);
				break;
			default:
				to[i] = soak_random(seed, 256);
				break;
			}
		}
	}
}

/* A device with a context and a queue; the queue keeps the others. */
static int queue_open(const char *name, struct accel_queue **queue)
{
	struct accel_context *context = NULL;
	struct accel_device *device = NULL;
	int err = accel_device_open(name, NULL, &device);

	if (!err)
		err = accel_context_create(device, NULL, &context);
	if (!err)
		err = accel_queue_create(context, NULL, queue);
	accel_context_unref(context);
	accel_device_unref(device);
	return err;
}

static int gemms_prepare(uint64_t *seed)
{
	struct accel_queue *queue = NULL;
	int err = queue_open("sim:threads=1", &queue);

	for (int i = 0; i < CASES && !err; i++) {
		gemm_fill(&gemms[i], seed);
		err = gemm_run(queue, &gemms[i], gemms[i].c);
	}
	accel_queue_unref(queue);
	return err;
}

void client_gemm(uint64_t seed)
{
	static uint8_t c[4 * MOST];
	int err = gemms_prepare(&seed);

	if (err) {
		soak_judge("libaccel on sim:", err);
		return;
	}
	while (!soak_over()) {
		struct accel_queue *queue = NULL;
		uint32_t rounds = 1 + soak_random(&seed, 40);

		err = queue_open("/dev/accel/accel0", &queue);
		while (!err && rounds-- && !soak_over()) {
			struct gemm *g = &gemms[soak_random(&seed, CASES)];
			uint32_t size = g->m * g->n * g->size_c;

			memset(c, 0xa5, size);
			err = gemm_run(queue, g, c);
			if (err)
				break;
			if (memcmp(c, g->c, size))
				finding(&soak->board, "libaccel: a product of type %d is wrong",
					g->dtype);
			soak_count(&soak->gemms);
		}
		soak_judge("libaccel", err);
		accel_queue_unref(queue);
	}
}

/* ---- raw ---------------------------------------------------------------------------- */

/* What became of a job, of which @c has the results. */
static int job(struct client *c, uint32_t size, const struct drm_loom_sync *wait)
{
	struct drm_loom_sync syncs[2] = { { .flags = DRM_LOOM_SYNC_SIGNAL } };
	struct drm_syncobj_destroy destroy = { 0 };
	const struct drm_loom_result *r;
	uint64_t number;
	int err = sync_create(c->fd, &syncs[0].handle);

	if (err)
		return err;
	if (wait)
		syncs[1] = *wait;
	err = submit(c->fd, c->queue, CLIENT_VA, size, syncs, wait ? 2 : 1, &number);
	if (!err)
		err = sync_wait(c->fd, syncs[0].handle, 0, LONG);
	destroy.handle = syncs[0].handle;
	card_ioctl(c->fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
	if (err)
		return err;
	r = client_result(c, number);
	return r ? r->error : -EILSEQ;
}

static uint32_t generation(struct client *c)
{
	struct drm_loom_queue_state state;

	return queue_state(c->fd, c->queue, &state) ? ~0u : state.generation;
}

static bool all_words(const volatile uint64_t *words, uint64_t count, uint64_t step, uint64_t value)
{
	for (uint64_t i = 0; i < count; i += step)
		if (words[i] != value)
			return false;
	return true;
}

/* New local memory is zeros to the CPU; what the card puts there, it gives back. */
static int local_once(struct client *c, uint64_t *seed)
{
	uint64_t size = PAGE << soak_random(seed, 10), value = soak_random(seed, 1u << 30);
	uint32_t bo, before = generation(c), step = 1 + soak_random(seed, 64);
	uint32_t words = (CLIENT_SIZE - CLIENT_DATA) / 8;
	volatile uint64_t *cpu;
	int err = bo_create(c->fd, size, DRM_LOOM_BO_LOCAL, 0, &bo);
	void *p;

	if (err)
		return err;
	if (size / 8 < words)
		words = size / 8;
	cpu = bo_map(c->fd, bo, size);
	err = cpu ? vm_bind(c->fd, c->vm, DRM_LOOM_BIND_MAP, bo, 0, VA, size) : -ENOMEM;
	if (!err && !all_words(cpu, size / 8, step, 0) && generation(c) == before)
		finding(&soak->board, "%llu bytes of new local memory are not clean",
			(unsigned long long)size);
	if (!err) {
		p = pkt_fill(c->cpu, VA, value, size / 8);
		p = pkt_copy(p, DATA, VA + size - words * 8, words);
		memset(c->data, 0, words * 8);
		err = job(c, client_size(c, p), NULL);
	}
	if (!err && generation(c) == before) {
		if (!all_words(c->data, words, 1, value) || !all_words(cpu, size / 8, step, value))
			finding(&soak->board, "local memory has lost what the card put there");
		soak_count(&soak->locals);
	}
	if (cpu)
		munmap((void *)cpu, size);
	vm_bind(c->fd, c->vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA, size);
	bo_close(c->fd, bo);
	return err;
}

void client_local(uint64_t seed)
{
	while (!soak_over()) {
		struct client c;
		int err = client_open(&c, 60000, 120000);

		while (!err && !soak_over())
			err = local_once(&c, &seed);
		soak_judge("local memory", err);
		client_close(&c);
	}
}

#define N		256u
#define MATRIX		(N * N * 4ull)
#define REPEATS		8

/* One element as the card has to compute it. */
static float element(const float *a, const float *b, uint32_t m, uint32_t n)
{
	float sum = 0;

	for (uint32_t k = 0; k < N; k++)
		sum = fmaf(a[m * N + k], b[k * N + n], sum);
	return sum;
}

/* The same product again and again, so that some reset meets it. Rows are compared by random. */
static int long_once(struct client *c, const float *matrices, uint64_t *seed)
{
	const float *a = matrices, *b = a + N * N, *product = b + N * N;
	void *p = pkt_fill(c->cpu, VA + 2 * MATRIX, ~0ull, MATRIX / 8);
	int err;

	for (int i = 0; i < REPEATS; i++)
		p = pkt_gemm_f32(p, VA + 2 * MATRIX, VA, VA + MATRIX, N, N, N);
	err = job(c, client_size(c, p), NULL);
	for (int i = 0; i < 64 && !err; i++) {
		uint32_t m = soak_random(seed, N), n = soak_random(seed, N);
		float wanted = element(a, b, m, n);

		if (memcmp(&wanted, &product[m * N + n], sizeof(wanted)))
			finding(&soak->board, "a long product is wrong at %u, %u", m, n);
	}
	if (!err)
		soak_count(&soak->longs);
	return err;
}

static int long_open(struct client *c, float **matrices, uint64_t *seed)
{
	uint32_t bo;
	int err = client_open(c, 60000, 120000);

	*matrices = NULL;
	if (!err)
		err = bo_create(c->fd, 3 * MATRIX, 0, 0, &bo);
	if (!err)
		err = vm_bind(c->fd, c->vm, DRM_LOOM_BIND_MAP, bo, 0, VA, 3 * MATRIX);
	if (err)
		return err;
	*matrices = bo_map(c->fd, bo, 3 * MATRIX);
	for (uint32_t i = 0; *matrices && i < 2 * N * N; i++)
		(*matrices)[i] = ldexpf((int)soak_random(seed, 1u << 24) - (1 << 23),
					(int)soak_random(seed, 16) - 30);
	return *matrices ? 0 : -ENOMEM;
}

void client_long(uint64_t seed)
{
	while (!soak_over()) {
		float *matrices;
		struct client c;
		int err = long_open(&c, &matrices, &seed);

		while (!err && !soak_over())
			err = long_once(&c, matrices, &seed);
		soak_judge("long products", err);
		if (matrices)
			munmap(matrices, 3 * MATRIX);
		client_close(&c);
	}
}

static int import_bo(int fd, int dmabuf, uint32_t *bo)
{
	struct drm_prime_handle args = { .fd = dmabuf };
	int err = card_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	*bo = args.handle;
	return err;
}

static int import_sync(int fd, int sync_file, uint32_t sync)
{
	struct drm_syncobj_handle args = {
		.handle = sync, .fd = sync_file,
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};

	return card_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &args);
}

/* One file's job fills a buffer; another's, which waits for it, takes what it finds. */
static int share_once(struct client *from, struct client *to, uint64_t *seed)
{
	uint64_t size = PAGE << soak_random(seed, 4), value = 1 + soak_random(seed, 1u << 30);
	uint32_t flags = soak_random(seed, 2) ? DRM_LOOM_BO_LOCAL : 0, words = size / 8;
	struct drm_prime_handle args = { .flags = O_CLOEXEC | O_RDWR };
	struct drm_loom_sync signal = { .flags = DRM_LOOM_SYNC_SIGNAL }, wait = { 0 };
	uint32_t bo, before = generation(from);
	const struct drm_loom_result *r;
	int sync_file = -1, err;
	uint64_t number;
	void *p;

	err = bo_create(from->fd, size, flags, 0, &args.handle);
	if (!err)
		err = vm_bind(from->fd, from->vm, DRM_LOOM_BIND_MAP, args.handle, 0, VA, size);
	if (!err)
		err = card_ioctl(from->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);
	if (!err)
		err = import_bo(to->fd, args.fd, &bo);
	if (!err)
		err = vm_bind(to->fd, to->vm, DRM_LOOM_BIND_MAP, bo, 0, VA, size);
	if (!err)
		err = sync_create(from->fd, &signal.handle);
	if (!err)
		err = sync_create(to->fd, &wait.handle);
	p = pkt_fill(from->cpu, VA, value, words);
	if (!err)
		err = submit(from->fd, from->queue, CLIENT_VA, client_size(from, p), &signal, 1,
			     &number);
	if (!err) {
		sync_file = sync_export(from->fd, signal.handle);
		err = sync_file < 0 ? sync_file : import_sync(to->fd, sync_file, wait.handle);
	}
	memset(to->data, 0, size);
	p = pkt_copy(to->cpu, DATA, VA, words);
	if (!err)
		err = job(to, client_size(to, p), &wait);
	if (!err) {
		r = client_result(from, number);
		err = r ? r->error : -EILSEQ;
	}
	if (!err && generation(from) == before) {
		if (!all_words(to->data, words, 1, value))
			finding(&soak->board, "what was shared has not arrived");
		soak_count(&soak->shares);
	}
	if (sync_file >= 0)
		close(sync_file);
	if (args.fd > 0)
		close(args.fd);
	return err;
}

void client_share(uint64_t seed)
{
	while (!soak_over()) {
		uint32_t rounds = 1 + soak_random(&seed, 20);
		struct client from = { .fd = -1 }, to = { .fd = -1 };
		int err = client_open(&from, 60000, 120000);

		if (!err)
			err = client_open(&to, 60000, 120000);
		/* What is not closed one by one is closed with the files. */
		while (!err && rounds-- && !soak_over())
			err = share_once(&from, &to, &seed);
		soak_judge("sharing", err);
		client_close(&from);
		client_close(&to);
	}
}

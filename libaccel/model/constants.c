// SPDX-License-Identifier: MIT
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "../object.h"
#include "constants.h"

void constant_key(uint8_t key[SHA256_DIGEST_SIZE], const uint8_t digest[SHA256_DIGEST_SIZE],
		  enum accel_dtype dtype, uint32_t k, uint32_t n, bool turned, bool local)
{
	/* What is asked to lie elsewhere is another one. */
	uint32_t form[] = { k || n ? (uint32_t)dtype : 0, k, n, turned, local };
	struct sha256_ctx s;

	sha256_init(&s);
	sha256_update(&s, sizeof(form), (const uint8_t *)form);
	sha256_update(&s, SHA256_DIGEST_SIZE, digest);
	sha256_digest(&s, SHA256_DIGEST_SIZE, key);
}

static struct constant *find(struct accel_context *context, const uint8_t *key)
{
	struct constant *c = context->constants;

	while (c && memcmp(c->key, key, SHA256_DIGEST_SIZE))
		c = c->next;
	if (c)
		c->refs++;
	return c;
}

struct constant *constant_find(struct accel_context *context, const uint8_t key[SHA256_DIGEST_SIZE])
{
	struct constant *c;

	pthread_mutex_lock(&context->lock);
	c = find(context, key);
	pthread_mutex_unlock(&context->lock);
	return c;
}

static struct constant *empty(const uint8_t *key)
{
	struct constant *c = calloc(1, sizeof(*c));

	if (c)
		memcpy(c->key, key, SHA256_DIGEST_SIZE);
	return c;
}

/* No room, or no such memory: not an error where another will do. */
static bool elsewhere(int error)
{
	return error == -ENOSPC || error == -ENOMEM || error == -EOPNOTSUPP;
}

int constant_new(struct accel_context *context, const uint8_t key[SHA256_DIGEST_SIZE], uint64_t size,
		 bool local, struct constant **constant)
{
	const uint32_t flags = ACCEL_BUFFER_READONLY | ACCEL_BUFFER_PRIVATE;
	struct constant *c = empty(key);
	int ret;

	if (!c)
		return err_nomem("a constant");
	c->local = local;
	ret = accel_buffer_alloc(context, size, flags | (local ? ACCEL_BUFFER_LOCAL : 0), &c->buffer);
	if (ret && local && elsewhere(ret)) {
		c->local = false;
		ret = accel_buffer_alloc(context, size, flags, &c->buffer);
	}
	if (ret) {
		free(c);
		return ret;
	}
	c->size = size;
	*constant = c;
	return 0;
}

int constant_new_panels(struct accel_context *context, const uint8_t key[SHA256_DIGEST_SIZE],
			enum accel_dtype dtype, uint32_t k, uint32_t n, bool local,
			struct constant **constant)
{
	const uint32_t flags = ACCEL_BUFFER_PRIVATE;
	struct constant *c = empty(key);
	int ret;

	if (!c)
		return err_nomem("a constant");
	c->local = local;
	ret = accel_weights_create(context, dtype, k, n, flags | (local ? ACCEL_BUFFER_LOCAL : 0),
				   &c->weights);
	if (ret && local && elsewhere(ret)) {
		c->local = false;
		ret = accel_weights_create(context, dtype, k, n, flags, &c->weights);
	}
	if (ret) {
		free(c);
		return ret;
	}
	c->buffer = accel_buffer_ref(accel_weights_buffer(c->weights));
	c->size = accel_buffer_size(c->buffer);
	*constant = c;
	return 0;
}

struct constant *constant_share(struct constant *constant)
{
	struct accel_context *context = constant->buffer->context;
	struct constant *other;

	pthread_mutex_lock(&context->lock);
	other = find(context, constant->key);
	if (!other) {
		constant->refs = 1;
		constant->next = context->constants;
		context->constants = constant;
	}
	pthread_mutex_unlock(&context->lock);
	if (!other)
		return constant;
	constant_put(constant);
	return other;
}

void constant_put(struct constant *constant)
{
	struct accel_context *context;
	struct constant **at;
	bool locked, last;

	if (!constant)
		return;
	context = constant->buffer->context;
	/* In a forked child the lock may be held by a thread that is not there. */
	locked = !device_forked(context->device);
	if (locked)
		pthread_mutex_lock(&context->lock);
	last = constant->refs <= 1;
	if (!last)
		constant->refs--;
	for (at = &context->constants; last && *at; at = &(*at)->next) {
		if (*at != constant)
			continue;
		*at = constant->next;
		break;
	}
	if (locked)
		pthread_mutex_unlock(&context->lock);
	if (!last)
		return;
	/* The last reference of the context may go with the buffer. */
	accel_weights_unref(constant->weights);
	accel_buffer_unref(constant->buffer);
	free(constant);
}

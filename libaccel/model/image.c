// SPDX-License-Identifier: MIT
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../error.h"
#include "../object.h"
#include "image.h"

#define ALIGN	64

static struct image *image_new(uint8_t *data, size_t size, bool mapped)
{
	struct image *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	atomic_init(&i->refs, 1);
	i->data = data;
	i->size = size;
	i->mapped = mapped;
	return i;
}

/* In steps of which both the size and the alignment are multiples. */
static uint8_t *room_for(size_t size)
{
	return aligned_alloc(ALIGN, (size + ALIGN) / ALIGN * ALIGN);
}

static int finish(uint8_t *data, size_t size, struct image **image)
{
	*image = image_new(data, size, false);
	if (*image)
		return 0;
	free(data);
	return err_nomem("a file");
}

static int too_large(size_t most)
{
	return err(-E2BIG, "keep large constants in files of their own (external data)",
		   "the file is larger than %zu GiB", (most + 1) >> 30);
}

int image_read(int fd, size_t most, struct image **image)
{
	size_t room = 1 << 16, used = 0;
	struct stat st;
	uint8_t *p, *more;

	if (fstat(fd, &st))
		return err(-errno, NULL, "cannot read: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err(-EISDIR, NULL, "cannot read: it is a directory");
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > most)
		return too_large(most);
	/* One more, so that the end is seen without another turn. */
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		room = (size_t)st.st_size + 1;
	p = room_for(room);
	while (p) {
		ssize_t n = read(fd, p + used, room - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int code = -errno;

			free(p);
			return err(code, NULL, "cannot read: %s", strerror(-code));
		}
		if (!n)
			return finish(p, used, image);
		used += (size_t)n;
		if (used > most) {
			free(p);
			return too_large(most);
		}
		if (used < room)
			continue;
		more = room_for(room *= 2);
		if (more)
			memcpy(more, p, used);
		free(p);
		p = more;
	}
	return err_nomem("a file");
}

/* Where another machine may remove what is mapped here. */
static bool is_shared(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return true;
	switch ((uint32_t)fs.f_type) {
	case NFS_SUPER_MAGIC:
	case 0x65735546:	/* FUSE */
	case 0xff534d42:	/* CIFS */
	case 0xfe534d42:	/* SMB2 */
	case 0x00c36400:	/* Ceph */
	case V9FS_MAGIC:
		return true;
	default:
		return false;
	}
}

int image_map(int fd, size_t most, struct image **image)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    (uint64_t)st.st_size > most || is_shared(fd))
		return image_read(fd, most, image);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return image_read(fd, most, image);
	*image = image_new(p, (size_t)st.st_size, true);
	if (*image)
		return 0;
	munmap(p, (size_t)st.st_size);
	return err_nomem("a file");
}

int image_copy(const void *data, size_t size, struct image **image)
{
	uint8_t *p = room_for(size);

	if (!p)
		return err_nomem("a file");
	if (size)
		memcpy(p, data, size);
	return finish(p, size, image);
}

struct image *image_ref(struct image *image)
{
	if (image)
		ref_more(&image->refs);
	return image;
}

void image_unref(struct image *image)
{
	if (!image || !ref_last(&image->refs))
		return;
	if (image->mapped)
		munmap(image->data, image->size);
	else
		free(image->data);
	free(image);
}

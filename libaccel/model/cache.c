// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../object.h"
#include "cache.h"

#define MOST_DEFAULT	((uint64_t)4 << 30)
#define LEAST_DEFAULT	((uint64_t)1 << 20)
#define OFF		"off"
#define SUFFIX		".loom"
#define NAME_SIZE	(2 * SHA256_DIGEST_SIZE + sizeof(SUFFIX))
#define ASIDE		"aside."
#define LOCK		".lock"

/* --- Where ------------------------------------------------------------------------------- */

char *cache_where(const char *directory)
{
	const char *given = directory ? directory : secure_getenv("ACCEL_CACHE");
	const char *base = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
	char *name = NULL;

	if (given && given[0])
		return strcmp(given, OFF) ? strdup(given) : NULL;
	/* Relative ones are to be ignored, says who defined the variable. */
	if (base && base[0] == '/')
		return asprintf(&name, "%s/loom/models", base) < 0 ? NULL : name;
	if (home && home[0] == '/')
		return asprintf(&name, "%s/.cache/loom/models", home) < 0 ? NULL : name;
	return NULL;
}

/* Bytes, with K, M or G behind. */
static int bytes(const char *variable, uint64_t *x)
{
	const char *text = secure_getenv(variable), *unit;
	uint64_t n;
	char *end;

	if (!text || !text[0])
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end ? strchr("KMG", *end) : NULL;
	if (text[0] < '0' || text[0] > '9' || errno || (*end && (!unit || end[1])) ||
	    (unit && __builtin_mul_overflow(n, (uint64_t)1 << 10 * (unit - "KMG" + 1), &n)))
		return err(-EINVAL, "give a number of bytes, as 500M or 4G", "%s is '%.64s'", variable,
			   text);
	*x = n;
	return 0;
}

int cache_init(struct cache *cache, const struct accel_model_opts *opts)
{
	int ret;

	*cache = (struct cache){ .most = MOST_DEFAULT, .least = LEAST_DEFAULT };
	if (opts->flags & ACCEL_MODEL_NO_CACHE)
		return 0;
	ret = bytes("ACCEL_CACHE_SIZE", &cache->most);
	if (ret)
		return ret;
	if (opts->cache_size)
		cache->most = opts->cache_size;
	if (opts->cache_least)
		cache->least = opts->cache_least;
	if (cache->most)
		cache->directory = cache_where(opts->cache);
	return 0;
}

void cache_fini(struct cache *cache)
{
	free(cache->directory);
	cache->directory = NULL;
}

static bool make_path(char *path)
{
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdir(path, 0700) && errno != EEXIST) {
			*slash = '/';
			return false;
		}
		*slash = '/';
	}
	return !mkdir(path, 0700) || errno == EEXIST;
}

static void tell(char *note, const char *what, const char *why)
{
	if (!note[0])
		snprintf(note, CACHE_NOTE, "%.60s: %.80s", what, why);
}

/* Where others can write, files are whatever they like. */
static int open_directory(const struct cache *cache, bool make, char *note)
{
	char *path = make ? strdup(cache->directory) : NULL;
	struct stat st;
	int fd;

	if (path)
		make_path(path);
	free(path);
	fd = open(cache->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		if (make || errno != ENOENT)
			tell(note, "cannot open the cache's directory", strerror(errno));
		return -1;
	}
	if (!fstat(fd, &st) && st.st_uid == geteuid() && !(st.st_mode & 022))
		return fd;
	tell(note, "the cache is not used",
	     st.st_uid == geteuid() ? "others can write to its directory" :
				      "its directory belongs to another user");
	close(fd);
	return -1;
}

/* --- Keys -------------------------------------------------------------------------------- */

struct build {
	const char *inside;
	struct sha256_ctx *s;
	bool found;
};

/* The linker's name of the program or library that has this very function. */
static int add_build(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct build *b = arg;
	bool here = false;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const char *begin = (const char *)info->dlpi_addr + p->p_vaddr;

		here |= p->p_type == PT_LOAD && b->inside >= begin && b->inside < begin + p->p_memsz;
	}
	for (int i = 0; i < info->dlpi_phnum && here; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const char *at = (const char *)info->dlpi_addr + p->p_vaddr, *end = at + p->p_memsz;

		while (p->p_type == PT_NOTE && (size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *note = (const void *)at;
			size_t name = (note->n_namesz + 3u) & ~3u, desc = (note->n_descsz + 3u) & ~3u;

			at += sizeof(*note);
			if ((size_t)(end - at) < name + desc)
				break;
			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(at, "GNU", 4)) {
				sha256_update(b->s, note->n_descsz, (const uint8_t *)at + name);
				b->found = true;
			}
			at += name + desc;
		}
	}
	return here;
}

static void add32(struct sha256_ctx *s, uint32_t x)
{
	sha256_update(s, sizeof(x), (const uint8_t *)&x);
}

static void add64(struct sha256_ctx *s, uint64_t x)
{
	sha256_update(s, sizeof(x), (const uint8_t *)&x);
}

static void add_text(struct sha256_ctx *s, const char *text)
{
	sha256_update(s, strlen(text) + 1, (const uint8_t *)text);
}

static int by_dim(const void *a, const void *b)
{
	const struct accel_model_dim *x = *(const struct accel_model_dim *const *)a;
	const struct accel_model_dim *y = *(const struct accel_model_dim *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : x < y ? -1 : x > y;	/* the first of a name counts */
}

static int by_fixed(const void *a, const void *b)
{
	const struct accel_model_fixed *x = *(const struct accel_model_fixed *const *)a;
	const struct accel_model_fixed *y = *(const struct accel_model_fixed *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : x < y ? -1 : x > y;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In whatever order options are given, they are the same. */
static int add_opts(struct sha256_ctx *s, const struct accel_session_opts *o)
{
	size_t most = o->ndims + o->nfixed + o->nwithout + 1;
	const void **list = calloc(most, sizeof(*list));

	if (!list)
		return err_nomem("a key");
	for (size_t i = 0; i < o->ndims; i++)
		list[i] = &o->dims[i];
	qsort(list, o->ndims, sizeof(*list), by_dim);
	add64(s, o->ndims);
	for (size_t i = 0; i < o->ndims; i++) {
		add_text(s, ((const struct accel_model_dim *)list[i])->name);
		add64(s, (uint64_t)((const struct accel_model_dim *)list[i])->size);
	}
	for (size_t i = 0; i < o->nwithout; i++)
		list[i] = o->without[i] ? o->without[i] : "";
	qsort(list, o->nwithout, sizeof(*list), by_text);
	add64(s, o->nwithout);
	for (size_t i = 0; i < o->nwithout; i++)
		add_text(s, list[i]);
	for (size_t i = 0; i < o->nfixed; i++)
		list[i] = &o->fixed[i];
	qsort(list, o->nfixed, sizeof(*list), by_fixed);
	add64(s, o->nfixed);
	for (size_t i = 0; i < o->nfixed; i++) {
		const struct accel_model_fixed *f = list[i];

		add_text(s, f->name);
		add64(s, f->size);
		if (f->size)
			sha256_update(s, f->size, f->data);
	}
	free(list);
	return 0;
}

int cache_key(uint8_t key[SHA256_DIGEST_SIZE], const uint8_t model[SHA256_DIGEST_SIZE],
	      const struct accel_device_props *props, const struct accel_session_opts *opts)
{
	struct sha256_ctx s;
	struct build build = { (const char *)&cache_key, &s, false };
	int ret = 0;

	sha256_init(&s);
	add_text(&s, opts ? "compiled model" : "face of a model");
	add32(&s, COMPILED_VERSION);
	add_text(&s, ACCEL_VERSION_STRING);
	dl_iterate_phdr(add_build, &build);
	if (!build.found)	/* then nothing tells two builds apart but when they were made */
		add_text(&s, __DATE__ __TIME__);
	sha256_update(&s, SHA256_DIGEST_SIZE, model);
	if (props) {
		add64(&s, props->dtypes);
		for (int i = 0; i < 4; i++)
			add64(&s, props->opcodes[i]);
		add32(&s, props->hw_version);
	}
	if (opts)
		ret = add_opts(&s, opts);
	sha256_digest(&s, SHA256_DIGEST_SIZE, key);
	return ret;
}

static void name_of(const uint8_t *key, char name[NAME_SIZE])
{
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		sprintf(name + 2 * i, "%02x", key[i]);
	strcpy(name + 2 * (size_t)SHA256_DIGEST_SIZE, SUFFIX);
}

static bool is_name(const char *name)
{
	return strspn(name, "0123456789abcdef") == 2 * SHA256_DIGEST_SIZE &&
	       !strcmp(name + 2 * (size_t)SHA256_DIGEST_SIZE, SUFFIX);
}

/* --- Looking up -------------------------------------------------------------------------- */

static int open_file(int directory, const char *name, char *note)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		if (errno != ENOENT)
			tell(note, "cannot open a file of the cache", strerror(errno));
		return -1;
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022))
		return fd;
	tell(note, "a file of the cache is not used", "it is not ours alone");
	close(fd);
	return -1;
}

bool cache_find(const struct cache *cache, const uint8_t key[SHA256_DIGEST_SIZE], struct compiled *c,
		struct ir_graph **graph, char note[CACHE_NOTE])
{
	struct image *image = NULL;
	char name[NAME_SIZE];
	int directory, fd, ret;

	note[0] = 0;
	if (!cache->directory)
		return false;
	directory = open_directory(cache, false, note);
	if (directory < 0)
		return false;
	name_of(key, name);
	fd = open_file(directory, name, note);
	ret = fd < 0 ? -ENOENT : image_map(fd, COMPILED_SIZE_MAX, &image);
	if (!ret) {
		ret = compiled_read(image, false, 0, c, graph);
		if (!ret && memcmp(c->key, key, SHA256_DIGEST_SIZE)) {
			ir_free(*graph);
			*graph = NULL;
			ret = err(-EINVAL, NULL, "it has the name of another");
		}
		/* What is used shall stay: it is the time of the last use that counts. */
		if (!ret)
			futimens(fd, NULL);
		if (ret && ret != -ENOMEM) {
			tell(note, "a file of the cache was removed", accel_last_error()->text);
			unlinkat(directory, name, 0);
		}
	}
	image_unref(image);
	if (fd >= 0)
		close(fd);
	close(directory);
	return !ret;
}

bool cache_has(const struct cache *cache, const uint8_t key[SHA256_DIGEST_SIZE])
{
	char name[NAME_SIZE], note[CACHE_NOTE] = "";
	int directory = cache->directory ? open_directory(cache, false, note) : -1;
	bool there;

	if (directory < 0)
		return false;
	name_of(key, name);
	there = !faccessat(directory, name, R_OK, AT_EACCESS);
	close(directory);
	return there;
}

/* --- Making room ------------------------------------------------------------------------- */

struct entry {
	char name[NAME_SIZE];
	uint64_t size;
	struct timespec used;
};

static int by_use(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	if (x->used.tv_nsec != y->used.tv_nsec)
		return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Who writes a file aside holds a lock on it. One that nobody holds is of a process that died. */
static void sweep(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		unlinkat(directory, name, 0);
	close(fd);
}

/* All files, those that were not used for longest first. -1: cannot look. */
static ssize_t list(int directory, bool clean, struct entry **out, uint64_t *sum)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct entry *entries = NULL, *more;
	size_t n = 0, room = 0;
	struct dirent *d;
	struct stat st;

	*sum = 0;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((d = readdir(dir))) {
		if (clean && !strncmp(d->d_name, ASIDE, strlen(ASIDE)))
			sweep(directory, d->d_name);
		if (!is_name(d->d_name) || fstatat(directory, d->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (n == room) {
			room = 2 * room + 64;
			more = realloc(entries, room * sizeof(*entries));
			if (!more)
				break;
			entries = more;
		}
		memcpy(entries[n].name, d->d_name, NAME_SIZE);
		entries[n].size = (uint64_t)st.st_size;
		entries[n++].used = st.st_mtim;
		*sum += (uint64_t)st.st_size;
	}
	closedir(dir);
	if (n)
		qsort(entries, n, sizeof(*entries), by_use);
	*out = entries;
	return (ssize_t)n;
}

/* One process at a time; another one that finds the lock taken leaves it to that. */
static void evict(int directory, uint64_t most)
{
	int lock = openat(directory, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct entry *entries = NULL;
	uint64_t sum;
	ssize_t n;

	if (lock < 0)
		return;
	if (!flock(lock, LOCK_EX | LOCK_NB)) {
		n = list(directory, true, &entries, &sum);
		for (ssize_t i = 0; i < n && sum > most; i++) {
			if (!unlinkat(directory, entries[i].name, 0) || errno == ENOENT)
				sum -= entries[i].size;
		}
		free(entries);
	}
	close(lock);
}

/* --- Storing ----------------------------------------------------------------------------- */

static int open_aside(int directory, char name[32])
{
	int fd = -1;

	for (int i = 0; i < 16 && fd < 0; i++) {
		uint64_t x;

		if (getrandom(&x, sizeof(x), 0) != sizeof(x))
			return -1;
		snprintf(name, 32, ASIDE "%016llx", (unsigned long long)x);
		fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

/*
 * It is not waited for the disk: after a crash of the machine a file may be damaged, which its
 * digests tell.
 */
bool cache_store(const struct cache *cache, const struct compiled *c, struct ir_graph *graph,
		 char note[CACHE_NOTE])
{
	char aside[32], name[NAME_SIZE];
	int directory, fd, ret;
	bool stored;

	if (!cache->directory)
		return false;
	directory = open_directory(cache, true, note);
	if (directory < 0)
		return false;
	fd = open_aside(directory, aside);
	if (fd < 0) {
		tell(note, "cannot write to the cache", strerror(errno));
		close(directory);
		return false;
	}
	ret = compiled_write(c, graph, fd, cache->most);
	if (ret == -EOVERFLOW)
		tell(note, "the model is not kept", "it is larger than the cache may be");
	else if (ret)
		tell(note, "cannot write to the cache", accel_last_error()->text);
	name_of(c->key, name);
	stored = !ret;
	if (stored && renameat(directory, aside, directory, name)) {
		tell(note, "cannot write to the cache", strerror(errno));
		stored = false;
	}
	if (!stored)
		unlinkat(directory, aside, 0);
	close(fd);
	if (stored)
		evict(directory, cache->most);
	close(directory);
	return stored;
}

/* --- For people -------------------------------------------------------------------------- */

/* Looks at a directory as one process would that wants to use it. */
static int look(const char *directory, char **name, int *fd)
{
	struct cache cache = { 0 };
	char note[CACHE_NOTE] = "";

	cache.directory = cache_where(directory);
	if (!cache.directory)
		return err(-ENOENT, "set ACCEL_CACHE to a directory", "there is no cache: it is off, or "
			   "there is no home directory");
	*fd = open_directory(&cache, false, note);
	*name = cache.directory;
	if (*fd >= 0 || !note[0])
		return 0;
	free(cache.directory);
	return err(-EACCES, NULL, "%s", note);
}

ACCEL_API int accel_cache_info(const char *directory, struct accel_cache_info *info)
{
	API_ENTER;
	struct accel_cache_info out = ACCEL_INIT(out);
	struct entry *entries = NULL;
	char *name = NULL;
	ssize_t n = 0;
	int fd, ret;

	if (!info)
		return err(-EINVAL, NULL, "info is NULL");
	out.size_max = MOST_DEFAULT;
	ret = bytes("ACCEL_CACHE_SIZE", &out.size_max);
	if (!ret)
		ret = look(directory, &name, &fd);
	if (ret)
		return ret;
	if (strlen(name) >= sizeof(out.directory)) {
		ret = err(-E2BIG, NULL, "the cache's name has %zu bytes", strlen(name));
	} else if (fd >= 0) {
		n = list(fd, false, &entries, &out.size);
		ret = n < 0 ? err(-EIO, NULL, "cannot read the cache's directory") : 0;
	}
	if (!ret) {
		strcpy(out.directory, name);
		out.files = (uint32_t)n;
		ret = sized_out(info, &out, sizeof(out), "struct accel_cache_info");
	}
	free(entries);
	free(name);
	if (fd >= 0)
		close(fd);
	return ret;
}

ACCEL_API int accel_cache_clear(const char *directory)
{
	API_ENTER;
	struct entry *entries = NULL;
	char *name = NULL;
	uint64_t sum;
	ssize_t n = 0;
	int fd, ret = look(directory, &name, &fd);

	if (ret)
		return ret;
	if (fd >= 0)
		n = list(fd, true, &entries, &sum);
	if (n < 0)
		ret = err(-EIO, NULL, "cannot read the cache's directory");
	for (ssize_t i = 0; i < n; i++)
		if (unlinkat(fd, entries[i].name, 0) && errno != ENOENT && !ret)
			ret = err(-errno, NULL, "cannot remove a file of the cache: %s",
				  strerror(errno));
	free(entries);
	free(name);
	if (fd >= 0)
		close(fd);
	return ret;
}

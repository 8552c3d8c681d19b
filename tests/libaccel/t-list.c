// SPDX-License-Identifier: MIT
/*
 * Enumeration on a made-up /sys and /dev.
 */
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "../../libaccel/list.h"

static char root[] = "/tmp/loom-list-XXXXXX";

static void make_dirs(const char *path)
{
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
}

static void put(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	make_dirs(full);
	f = fopen(full, "w");
	if (!f)
		exit(1);
	fputs(text, f);
	fclose(f);
}

static void put_card(const char *pci, const char *vendor, const char *device, const char *class)
{
	char path[256];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/vendor", pci);
	put(path, vendor);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/device", pci);
	put(path, device);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/class", pci);
	put(path, class);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/revision", pci);
	put(path, "0x01\n");
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void cards(void)
{
	struct accel_device_list *list = NULL;
	const struct accel_device_info *info;
	char sys[64], dev[64], link[256];

	REQUIRE(mkdtemp(root));
	snprintf(sys, sizeof(sys), "%s/sys", root);
	snprintf(dev, sizeof(dev), "%s/dev", root);
	/* No /sys at all is no error. */
	REQUIRE(!list_scan(sys, dev, &list));
	CHECK_EQ(accel_device_list_count(list), 0);
	accel_device_list_free(list);

	put_card("0000:03:00.0", "0x1234\n", "0x10a1\n", "0x120000\n");
	put("sys/bus/pci/devices/0000:03:00.0/accel/accel1/dev", "261:1\n");
	put("sys/bus/pci/devices/0000:03:00.0/serial", "LOOM-7\n");
	put("sys/bus/pci/devices/0000:03:00.0/numa_node", "2\n");
	put("sys/bus/pci/devices/0000:03:00.0/current_link_speed", "16.0 GT/s PCIe\n");
	put("sys/bus/pci/devices/0000:03:00.0/current_link_width", "8\n");
	put("sys/bus/pci/drivers/loom/new_id", "");
	put("dev/accel/accel1", "");
	snprintf(link, sizeof(link), "%s/sys/bus/pci/devices/0000:03:00.0/driver", root);
	CHECK(!symlink("../../drivers/loom", link));
	/* A second one without a driver, and things that are none. */
	put_card("0000:00:02.0", "0x1234\n", "0x10a1\n", "0x120000\n");
	put_card("0000:00:01.0", "0x8086\n", "0x1234\n", "0x030000\n");
	put_card("0000:00:1f.0", "0x8086\n", "0x7d1d\n", "0x120000\n");
	/* Rebranded, but driven by loom. */
	put_card("0001:00:00.0", "0x1af4\n", "0x10ff\n", "0x120000\n");
	snprintf(link, sizeof(link), "%s/sys/bus/pci/devices/0001:00:00.0/driver", root);
	CHECK(!symlink("../../drivers/loom", link));
	put("sys/bus/pci/devices/0001:00:00.0/current_link_speed", "Unknown\n");
	put("sys/bus/pci/devices/0001:00:00.0/accel/accel0/dev", "261:0\n");

	REQUIRE(!list_scan(sys, dev, &list));
	REQUIRE(accel_device_list_count(list) == 3);
	info = accel_device_list_get(list, 0);
	CHECK(!strcmp(info->pci, "0000:00:02.0") && !info->node[0] && !info->driver[0]);
	CHECK_EQ(info->access, -ENODEV);
	CHECK_EQ(info->numa_node, -1);
	info = accel_device_list_get(list, 1);
	CHECK(!strcmp(info->pci, "0000:03:00.0") && !strcmp(info->driver, "loom"));
	CHECK(strstr(info->node, "/dev/accel/accel1") && !strcmp(info->serial, "LOOM-7"));
	CHECK(info->vendor == 0x1234 && info->device == 0x10a1 && info->revision == 1);
	CHECK(info->numa_node == 2 && info->link_speed == 16000 && info->link_width == 8);
	CHECK(info->access == 0 && info->name[0]);
	info = accel_device_list_get(list, 2);
	CHECK(!strcmp(info->pci, "0001:00:00.0") && info->vendor == 0x1af4);
	CHECK_EQ(info->access, -ENOENT);
	CHECK(info->link_speed == 0 && info->link_width == 0);
	CHECK(!accel_device_list_get(list, 3));
	accel_device_list_free(list);
	nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

static const struct check_test tests[] = {
	TEST(cards),
};

CHECK_MAIN(tests)

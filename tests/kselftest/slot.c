// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "monitor.h"
#include "root.h"
#include "slot.h"

#define CARD		"loom0"
#define CONFIG_SIZE	256

static char config[256];	/* of the bridge that the slot belongs to */
static unsigned int control;	/* offset of its register Slot Control */

/* ---- the slot ------------------------------------------------------------------------- */

static int slot_control(uint16_t clear, uint16_t set)
{
	int fd = open(config, O_RDWR | O_CLOEXEC), err = 0;
	uint16_t value;

	if (fd < 0)
		return -errno;
	if (pread(fd, &value, sizeof(value), control) != sizeof(value))
		err = -EIO;
	value = (value & ~clear) | set;
	if (!err && pwrite(fd, &value, sizeof(value), control) != sizeof(value))
		err = -EIO;
	close(fd);
	return err;
}

static int slot_find(void)
{
	char path[128], target[512], *end;
	uint8_t at, space[CONFIG_SIZE];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.60s", root_address());
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	end = strrchr(target, '/');
	if (!end)
		return -ENOENT;
	*end = 0;
	snprintf(config, sizeof(config), "/sys/bus/pci/devices/%.60s/config", strrchr(target, '/') + 1);
	fd = open(config, O_RDONLY | O_CLOEXEC);
	n = read(fd, space, sizeof(space));
	close(fd);
	if (n != sizeof(space))
		return -EIO;
	for (at = space[PCI_CAPABILITY_LIST]; at; at = space[at + 1]) {
		if (space[at] == PCI_CAP_ID_EXP) {
			control = at + PCI_EXP_SLTCTL;
			return 0;
		}
	}
	return -ENOENT;
}

/*
 * Linux 6.12 takes a slot's reset_lock and the lock of all slots in both orders when a card comes or
 * goes, whatever its driver does. Lockdep, where there is one, shall find what is the driver's.
 */
static void prove_locking(const char *on)
{
	if (!root_exists("/proc/sys/kernel/prove_locking"))
		root_sysfs("/proc/sys/kernel/prove_locking", on);
}

int slot_open(void)
{
	int err = slot_find();

	prove_locking("0");
	return err ? err : monitor_open();
}

void slot_close(void)
{
	prove_locking("1");
}

static int card_gone(void)
{
	return monitor_find("\"DEVICE_DELETED\"", "\"" CARD "\"");
}

/*
 * What makes QEMU let go of a card is a slot without power. The kernel must not notice that, or it takes
 * the card for one that it has given away itself: so the slot is silent until it has power again.
 */
int slot_pull(void)
{
	const uint16_t off = PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF;
	int err = slot_control(PCI_EXP_SLTCTL_HPIE, off);

	if (!err)
		err = slot_control(off, PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_HPIE);
	return err ? err : card_gone();
}

int slot_eject(void)
{
	int err = monitor_do("device_del", "\"id\": \"" CARD "\"");

	return err ? err : card_gone();
}

/* QEMU takes the power for the old card's that the kernel switches off in the end, whatever is in there. */
static int slot_wait_off(void)
{
	const uint16_t off = PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF;
	uint64_t end = now() + PATIENCE;
	uint16_t value = 0;
	int fd = open(config, O_RDONLY | O_CLOEXEC), err = fd < 0 ? -errno : 0;

	while (!err && (value & off) != off) {
		if (pread(fd, &value, sizeof(value), control) != sizeof(value))
			err = -EIO;
		else if (now() > end)
			err = -ETIME;
		else
			usleep(1000);
	}
	close(fd);
	return err;
}

int slot_fill(void)
{
	int err = slot_wait_off();

	return err ? err : monitor_do("human-monitor-command", "\"command-line\": \"device_add %s\"",
				      getenv("LOOM_CARD"));
}

int slot_power(bool on)
{
	return on ? slot_control(PCI_EXP_SLTCTL_PCC, 0) : slot_control(0, PCI_EXP_SLTCTL_PCC);
}

// SPDX-License-Identifier: MIT
/*
 * Devices: finding the one that a name means, and what it is.
 */
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "object.h"

static const struct accel_device_info *only_card(const struct accel_device_list *list)
{
	const struct accel_device_info *found = NULL;
	size_t n = accel_device_list_count(list);

	for (size_t i = 0; i < n; i++) {
		const struct accel_device_info *info = accel_device_list_get(list, i);

		if (!info->node[0])
			continue;
		if (found) {
			err(-ENODEV, "name one of them, or set ACCEL_DEVICE",
			    "there are several devices, among them %s and %s", found->pci,
			    info->pci);
			return NULL;
		}
		found = info;
	}
	if (!found && n)
		err(-ENODEV, "load the driver: modprobe loom; see dmesg if that does not help",
		    "the card %s has no driver", accel_device_list_get(list, 0)->pci);
	else if (!found)
		err(-ENODEV, "plug in a card and load the driver (modprobe loom), "
		    "or use the simulated one: sim:", "no Loom device in this machine");
	return found;
}

/* "0000:00:03.0", or "00:03.0" in the first domain. */
static bool looks_like_pci(const char *name)
{
	size_t n = strspn(name, "0123456789abcdefABCDEF:.");
	const char *dot = strchr(name, '.');

	return !name[n] && dot && strchr(name, ':') && strlen(dot) == 2;
}

static bool same_pci(const char *pci, const char *name)
{
	return !strcasecmp(pci, name) ||
	       (!strncmp(pci, "0000:", 5) && !strcasecmp(pci + 5, name));
}

static const struct accel_device_info *named_card(const struct accel_device_list *list,
						  const char *name)
{
	size_t n = accel_device_list_count(list);

	for (size_t i = 0; i < n; i++) {
		const struct accel_device_info *info = accel_device_list_get(list, i);

		if (!same_pci(info->pci, name))
			continue;
		if (!info->node[0]) {
			err(-ENODEV,
			    "load the driver: modprobe loom; see dmesg if that does not help",
			    "the card %s has no device node: %s%s", info->pci,
			    info->driver[0] ? "its driver is " : "no driver is bound to it",
			    info->driver);
			return NULL;
		}
		return info;
	}
	err(-ENODEV, "see accelctl list", "no Loom card at PCI address %s", name);
	return NULL;
}

/* A driver that does not tell serial numbers in sysfs tells them when asked. */
static int open_by_serial(const struct accel_device_list *list, const char *serial,
			  struct accel_device **device)
{
	size_t n = accel_device_list_count(list);

	for (size_t i = 0; i < n && serial[0]; i++) {
		const struct accel_device_info *info = accel_device_list_get(list, i);
		struct accel_device *found;

		if (!info->node[0] || info->access || (info->serial[0] &&
						       strcmp(info->serial, serial)))
			continue;
		if (drm_device_open(info->node, &found))
			continue;
		if (!strcmp(found->props.serial, serial)) {
			*device = found;
			return 0;
		}
		accel_device_unref(found);
	}
	return err(-ENODEV, "see accelctl list",
		   "no device that this process may open has the serial number %s", serial);
}

static int open_listed(const char *name, struct accel_device **device)
{
	const struct accel_device_info *info;
	struct accel_device_list *list;
	int ret;

	ret = accel_device_list_create(&list);
	if (ret)
		return ret;
	if (name && !strncmp(name, "sn:", 3)) {
		ret = open_by_serial(list, name + 3, device);
	} else {
		info = name ? named_card(list, name) : only_card(list);
		ret = info ? drm_device_open(info->node, device) : -ENODEV;
	}
	accel_device_list_free(list);
	return ret;
}

ACCEL_API int accel_device_open(const char *name, const struct accel_device_opts *opts,
				struct accel_device **device)
{
	API_ENTER;
	struct accel_device_opts o = ACCEL_INIT(o);
	int ret;

	if (!device)
		return err(-EINVAL, NULL, "device is NULL");
	if (opts) {
		ret = sized_in(&o, sizeof(o), opts, "struct accel_device_opts");
		if (ret)
			return ret;
	}
	if (o.flags)
		return err(-EINVAL, NULL, "unknown flags %#llx", (unsigned long long)o.flags);

	if (!name || !name[0])
		name = getenv("ACCEL_DEVICE");
	if (!name || !name[0])
		return open_listed(NULL, device);
	if (!strncmp(name, "sim:", 4) || !strcmp(name, "sim"))
		return sim_device_open(name[3] ? name + 4 : "", device);
	if (name[0] == '/')
		return drm_device_open(name, device);
	if (!strncmp(name, "sn:", 3) || looks_like_pci(name))
		return open_listed(name, device);
	return err(-EINVAL, "use a PCI address (0000:00:03.0), sn:SERIAL, a node "
		   "(/dev/accel/accel0) or sim:", "\"%s\" names no device", name);
}

ACCEL_API struct accel_device *accel_device_ref(struct accel_device *device)
{
	if (device)
		ref_more(&device->refs);
	return device;
}

ACCEL_API void accel_device_unref(struct accel_device *device)
{
	API_ENTER;

	if (device && ref_last(&device->refs))
		device->ops->device_close(device);
}

ACCEL_API int accel_device_props(struct accel_device *device, struct accel_device_props *props)
{
	API_ENTER;
	struct accel_device_props p;
	int ret;

	if (!device)
		return err(-EINVAL, NULL, "device is NULL");
	if (device_forked(device))
		return err_forked();
	p = device->props;
	ret = device->ops->device_generation(device, &p.generation);
	return ret ? ret : sized_out(props, &p, sizeof(p), "struct accel_device_props");
}

ACCEL_API bool accel_device_has(struct accel_device *device, enum accel_cap cap)
{
	return device && (unsigned int)cap < 64 && device->props.caps >> cap & 1;
}

ACCEL_API int accel_device_counters(struct accel_device *device,
				    struct accel_device_counters *counters)
{
	API_ENTER;
	struct accel_device_counters c = ACCEL_INIT(c);
	int ret;

	if (!device)
		return err(-EINVAL, NULL, "device is NULL");
	if (device_forked(device))
		return err_forked();
	ret = device->ops->device_counters(device, &c);
	return ret ? ret : sized_out(counters, &c, sizeof(c), "struct accel_device_counters");
}

ACCEL_API int accel_device_memory(struct accel_device *device, struct accel_device_memory *memory)
{
	API_ENTER;
	struct accel_device_memory m = ACCEL_INIT(m);
	int ret;

	if (!device)
		return err(-EINVAL, NULL, "device is NULL");
	if (device_forked(device))
		return err_forked();
	ret = device->ops->device_memory(device, &m);
	return ret ? ret : sized_out(memory, &m, sizeof(m), "struct accel_device_memory");
}

ACCEL_API int accel_device_timestamp(struct accel_device *device, struct accel_timestamp *stamp)
{
	API_ENTER;
	struct accel_timestamp s = ACCEL_INIT(s);
	int ret;

	if (!device)
		return err(-EINVAL, NULL, "device is NULL");
	if (device_forked(device))
		return err_forked();
	ret = device->ops->device_timestamp(device, &s);
	return ret ? ret : sized_out(stamp, &s, sizeof(s), "struct accel_timestamp");
}

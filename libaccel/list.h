/* SPDX-License-Identifier: MIT */
#ifndef ACCEL_PRIV_LIST_H
#define ACCEL_PRIV_LIST_H

#include "accel/device.h"

/** list_scan() - accel_device_list_create() with other roots than /sys and /dev. */
int list_scan(const char *sys, const char *dev, struct accel_device_list **list);

#endif

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * hwmon: modelled temperature, power and energy.
 *
 * The card's sensors are a feature that a reset takes back until the driver has acknowledged it
 * again: then they read zero. So a value counts only if the card was up before and after.
 */
#include <linux/hwmon.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "loom.h"

static int sensor_read(struct loom_device *ldev, u32 reg, u64 *value)
{
	int err, idx;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return -ENODEV;
	err = loom_read_negotiated(ldev, reg, value);
	drm_dev_exit(idx);
	return err;
}

static umode_t hwmon_visible(const void *data, enum hwmon_sensor_types type, u32 attr, int channel)
{
	return 0444;
}

static int hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel,
		      long *value)
{
	struct loom_device *ldev = dev_get_drvdata(dev);
	u64 pair, raw;
	int err;

	switch (type) {
	case hwmon_temp:
		/* Two registers of 32 bits at once: temperature, and above it power. */
		err = sensor_read(ldev, LOOM_REG_SENSOR_TEMP_MC, &pair);
		raw = lower_32_bits(pair);
		break;
	case hwmon_power:
		if (attr == hwmon_power_average_interval) {
			err = sensor_read(ldev, LOOM_REG_SENSOR_PERIOD_MS, &pair);
			raw = lower_32_bits(pair);
			break;
		}
		err = sensor_read(ldev, LOOM_REG_SENSOR_TEMP_MC, &pair);
		raw = (u64)upper_32_bits(pair) * 1000;
		break;
	case hwmon_energy:
		err = sensor_read(ldev, LOOM_REG_SENSOR_ENERGY_UJ, &raw);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!err)
		*value = min_t(u64, raw, LONG_MAX);
	return err;
}

static int hwmon_label(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel,
		       const char **text)
{
	*text = "card, modelled";
	return 0;
}

static const struct hwmon_channel_info *const hwmon_channels[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_LABEL),
	HWMON_CHANNEL_INFO(power, HWMON_P_AVERAGE | HWMON_P_AVERAGE_INTERVAL | HWMON_P_LABEL),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT | HWMON_E_LABEL),
	NULL
};

static const struct hwmon_ops hwmon_functions = {
	.is_visible = hwmon_visible,
	.read = hwmon_read,
	.read_string = hwmon_label,
};

static const struct hwmon_chip_info hwmon_description = {
	.ops = &hwmon_functions,
	.info = hwmon_channels,
};

/**
 * loom_hwmon_init() - show the sensors of a card that has any
 * @ldev: the card
 *
 * A card that works without them is better than none.
 */
void loom_hwmon_init(struct loom_device *ldev)
{
	struct device *hwmon;

	if (!(ldev->caps.features & LOOM_FEATURE_SENSORS))
		return;
	hwmon = devm_hwmon_device_register_with_info(&ldev->pdev->dev, "loom", ldev,
						     &hwmon_description, NULL);
	if (IS_ERR(hwmon))
		drm_warn(&ldev->drm, "no hwmon: %ld\n", PTR_ERR(hwmon));
}

// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include <accel/accel.h>

#include "args.h"
#include "exit.h"
#include "message.h"
#include "output.h"
#include "table.h"

static const char *access_text(int32_t access)
{
	return access ? accel_errname(access) : "ok";
}

static void link_text(const struct accel_device_info *info, char text[32])
{
	if (info->link_speed && info->link_width)
		snprintf(text, 32, "%.3g GT/s x%" PRIu32, info->link_speed / 1000.0, info->link_width);
	else
		snprintf(text, 32, "-");
}

static void print_json(const struct args *args, const struct accel_device_list *list)
{
	struct json_object *document = doc_begin(args->command->schema);
	struct json_object *array = doc_array(document, "devices");

	for (size_t i = 0; i < accel_device_list_count(list); i++) {
		const struct accel_device_info *info = accel_device_list_get(list, i);
		struct json_object *device = doc_append_object(array);
		char ids[16];

		doc_string(device, "pci", info->pci);
		doc_string(device, "node", *info->node ? info->node : NULL);
		doc_string(device, "name", info->name);
		doc_string(device, "serial", *info->serial ? info->serial : NULL);
		doc_string(device, "driver", *info->driver ? info->driver : NULL);
		snprintf(ids, sizeof(ids), "%04x:%04x", info->vendor, info->device);
		doc_string(device, "ids", ids);
		doc_number(device, "revision", info->revision);
		doc_signed(device, "numa_node", info->numa_node);
		doc_string(device, "access", access_text(info->access));
		doc_number(device, "link_mtps", info->link_speed);
		doc_number(device, "link_width", info->link_width);
	}
	doc_print(document);
}

static void print_table(const struct accel_device_list *list)
{
	static const char *const heads[] = { "PCI", "NODE", "DRIVER", "SERIAL", "LINK", "ACCESS",
					     "NAME" };
	struct table table;

	table_begin(&table, heads, sizeof(heads) / sizeof(*heads));
	for (size_t i = 0; i < accel_device_list_count(list); i++) {
		const struct accel_device_info *info = accel_device_list_get(list, i);
		char link[32];

		link_text(info, link);
		table_cell(&table, "%s", info->pci);
		table_cell(&table, "%s", *info->node ? info->node : "-");
		table_cell(&table, "%s", *info->driver ? info->driver : "-");
		table_cell(&table, "%s", *info->serial ? info->serial : "-");
		table_cell(&table, "%s", link);
		table_cell(&table, "%s", *info->node ? access_text(info->access) : "-");
		table_cell(&table, "%s", info->name);
	}
	table_end(&table);
}

static int run(const struct args *args)
{
	struct accel_device_list *list;
	int err;

	if (args_given(args, "device"))
		return args_usage(args, "list shows all cards; see 'accelctl info' for one device");
	err = accel_device_list_create(&list);
	if (err)
		return fail_call("cannot list devices", err);
	if (output_json())
		print_json(args, list);
	else if (accel_device_list_count(list))
		print_table(list);
	if (!accel_device_list_count(list))
		note("no device; load the driver (modprobe loom) if there is a card, or use -d sim: "
		     "for a simulated one");
	accel_device_list_free(list);
	return EXIT_OK;
}

const struct command command_list = {
	.noun = "list",
	.summary = "List the cards of this machine.",
	.text = "Reads sysfs and opens no device. A card without driver is listed without node. "
		"ACCESS says whether you may open the node. No card is not an error.",
	.schema = "accelctl.list/1",
	.examples = "list\nlist -o json",
	.run = run,
};

// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "args.h"
#include "dump-file.h"
#include "dump-show.h"
#include "dump.h"
#include "output.h"

static int run(const struct args *args)
{
	const char *path = args_text(args, "FILE");
	struct json_object *document;
	struct dump dump;
	void *data;
	int status;

	if (args_given(args, "device"))
		return args_usage(args, "a dump tells of which card it is: name its file");
	status = dump_file_open(&path, &dump, &data);
	if (status)
		return status;
	if (output_json()) {
		document = doc_begin(args->command->schema);
		doc_string(document, "file", path);
		dump_describe(&dump, document);
		doc_print(document);
	} else {
		field("dump", "%s", path);
		dump_print(&dump, args_given(args, "all"));
	}
	free(data);
	return 0;
}

const struct command command_dump_show = {
	.noun = "dump",
	.verb = "show",
	.summary = "Show what the driver wrote down when a job or a card failed.",
	.text = "Without FILE the newest dump that the kernel keeps in " DUMP_KEPT " is "
		"shown, which takes root; it stays there. What is shown: what happened, to which job of "
		"which process; the fault with the page table walk of its address and the buffer there or "
		"before it; the packets of the program, the one to blame marked with '>'; rings and the "
		"jobs on them; the address space of the job, and which contents of buffers are there. A section that is called late was taken some "
		"time after the failure, one that is called incomplete lacks something. The JSON output "
		"has all of the dump.",
	.args = (const struct param[]){
		{ .name = "FILE", .kind = VALUE_FILE, .optional = true,
		  .help = "the dump; -: standard input" },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "all", .letter = 'a',
		  .help = "all packets and mappings, and registers, descriptors and completions" },
		{ 0 },
	},
	.schema = "accelctl.dump/1",
	.examples = "dump show\ndump show dump.loom --all\ndump show -o json - <dump.loom",
	.run = run,
};

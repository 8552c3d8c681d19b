// SPDX-License-Identifier: MIT
// One model in ONNX Runtime, for tests/bench/models: the same as bench-models of the card.
//
//	node ort.js PACKAGES MODEL THREADS SPEC
//
// PACKAGES is a directory of npm's with onnxruntime-node; SPEC a JSON list of the model's inputs:
// { name, type, dims, file }.
'use strict';

const fs = require('fs');
const readline = require('readline');
const start = process.hrtime.bigint();
const [packages, model, threads, spec] = process.argv.slice(2);
const ort = require(packages + '/node_modules/onnxruntime-node');

const arrays = { float32: Float32Array, int64: BigInt64Array, uint8: Uint8Array };

function tensor(input) {
	const raw = fs.readFileSync(input.file);
	const bytes = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length);

	return new ort.Tensor(input.type, new arrays[input.type](bytes), input.dims);
}

async function main() {
	const session = await ort.InferenceSession.create(model, {
		intraOpNumThreads: +threads, interOpNumThreads: 1, executionMode: 'sequential',
		graphOptimizationLevel: 'all', logSeverityLevel: 3,
	});
	const feeds = {};
	let last;

	for (const input of JSON.parse(spec))
		feeds[input.name] = tensor(input);
	last = await session.run(feeds);
	console.log('ready ' + (process.hrtime.bigint() - start));
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const [command, argument, name] = line.split(' ');
		const usage = process.cpuUsage(), from = process.hrtime.bigint();

		if (command === 'run') {
			for (let i = 0; i < +argument; i++)
				last = await session.run(feeds);
		} else if (command === 'flight') {
			await Promise.all(Array.from({ length: +argument }, () => session.run(feeds)));
		} else if (command === 'out') {
			const y = last[name || session.outputNames[0]].data;

			fs.writeFileSync(argument, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
			console.log('done');
			continue;
		} else {
			const peak = /VmHWM:\s*(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'));

			console.log('info ' + peak[1]);
			continue;
		}
		const { user, system } = process.cpuUsage(usage);

		console.log('took ' + (user + system) * 1000 + ' ' + (process.hrtime.bigint() - from));
	}
}

main().catch((error) => {
	console.error('ort: ' + error.message);
	process.exit(1);
});

// SPDX-License-Identifier: MIT
/*
 * A look at the wire format before anything is unpacked.
 *
 * The unpacker recurses as deep as the file says and allocates as much as it says. This walk goes
 * where the unpacker will go, with a bound on both.
 */
#include <string.h>

#include "onnx.h"

struct scan {
	const uint8_t *at;
	const uint8_t *end;
};

static bool varint(struct scan *s, uint64_t *x)
{
	*x = 0;
	for (unsigned int shift = 0; shift < 70 && s->at < s->end; shift += 7) {
		uint8_t byte = *s->at++;

		if (shift < 64)
			*x |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static int malformed(const char *type, const uint8_t *start, const struct scan *s,
		     const char *what)
{
	return err(-EINVAL, NULL, "not an ONNX file, or a damaged one: %s within %s at byte %zu",
		   what, type, (size_t)(s->at - start));
}

/* Depth is bounded: this recursion is, too. */
static int walk(const ProtobufCMessageDescriptor *type, struct scan s, const uint8_t *start,
		unsigned int depth, uint32_t *messages)
{
	uint64_t seen = 0;

	if (depth > ONNX_DEPTH_MAX)
		return err(-E2BIG, NULL, "the file nests messages more than %d deep",
			   ONNX_DEPTH_MAX);
	if (++*messages > ONNX_MESSAGES_MAX)
		return err(-E2BIG, NULL, "the file has more than %u messages", ONNX_MESSAGES_MAX);
	while (s.at < s.end) {
		const ProtobufCFieldDescriptor *field;
		struct scan part;
		uint64_t key, n;
		int ret;

		if (!varint(&s, &key) || key >> 3 == 0 || key >> 32)
			return malformed(type->short_name, start, &s, "no field begins");
		field = protobuf_c_message_descriptor_get_field(type, (unsigned int)(key >> 3));
		switch (key & 7) {
		case 0:
			if (!varint(&s, &n))
				return malformed(type->short_name, start, &s, "a number ends");
			break;
		case 1:
		case 5:
			n = (key & 7) == 1 ? 8 : 4;
			if ((uint64_t)(s.end - s.at) < n)
				return malformed(type->short_name, start, &s, "a number ends");
			s.at += n;
			break;
		case 2:
			if (!varint(&s, &n) || n > (uint64_t)(s.end - s.at))
				return malformed(type->short_name, start, &s,
						 "a length leads beyond the end");
			part = (struct scan){ s.at, s.at + n };
			s.at += n;
			if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE)
				break;
			if (field->label != PROTOBUF_C_LABEL_REPEATED && field->id < 64) {
				if (seen >> field->id & 1)
					return malformed(type->short_name, start, &s,
							 "a second message in place of one");
				seen |= 1ull << field->id;
			}
			ret = walk(field->descriptor, part, start, depth + 1, messages);
			if (ret)
				return ret;
			break;
		default:
			return malformed(type->short_name, start, &s, "a field of unknown kind");
		}
		if (field && field->type == PROTOBUF_C_TYPE_MESSAGE && (key & 7) != 2)
			return malformed(type->short_name, start, &s, "a number in place of a message");
	}
	return 0;
}

int onnx_scan(const ProtobufCMessageDescriptor *type, const void *data, size_t size)
{
	struct scan s = { data, (const uint8_t *)data + size };
	uint32_t messages = 0;

	if (size > ONNX_SIZE_MAX)
		return err(-E2BIG, "keep large constants in files of their own (external data)",
			   "the file has %zu bytes, 2 GiB are the most", size);
	return walk(type, s, data, 1, &messages);
}

int onnx_unpack(const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator, const void *data,
		size_t size, void *message)
{
	ProtobufCMessage *m;
	int ret = onnx_scan(type, data, size);

	if (ret)
		return ret;
	m = protobuf_c_message_unpack(type, allocator, size, data);
	if (!m)
		return err(-EINVAL, NULL, "not an ONNX file, or a damaged one: %s cannot be "
			   "unpacked", type->short_name);
	*(ProtobufCMessage **)message = m;
	return 0;
}

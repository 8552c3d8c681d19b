// SPDX-License-Identifier: MIT
/*
 * Operators that contain graphs: which branch, how many turns, and what is refused.
 */
#include "check.h"
#include "one.h"
#include "onnx.h"

static const int64_t two[] = { 2, -1 }, scalar[] = { -1 };

static Onnx__TensorProto *truth(Onnx__ModelProto *m, const char *name, bool value)
{
	return onnx_raw(m, name, BOOLEAN, scalar, &value, 1);
}

/* One operator on x of the graph around, to y. */
static Onnx__ModelProto *apply(const char *op, const char *in)
{
	Onnx__ModelProto *m = onnx_model(16);

	onnx_node(m, op, in, "inner");
	onnx_output(m, "inner", F32);
	return m;
}

static Onnx__NodeProto *choice(Onnx__ModelProto *m, const Onnx__ModelProto *yes, const Onnx__ModelProto *no)
{
	Onnx__NodeProto *n = onnx_node(m, "If", "c", "y");

	onnx_graph_in(n, "then_branch", yes);
	onnx_graph_in(n, "else_branch", no);
	onnx_output(m, "y", F32);
	return n;
}

static void known(void)
{
	static const float x[2] = { 1, -2 }, negative[2] = { -1, 2 }, absolute[2] = { 1, 2 };

	for (int yes = 0; yes < 2; yes++) {
		Onnx__ModelProto *m = onnx_model(16);

		onnx_input(m, "x", F32, two);
		truth(m, "c", yes);
		/* The branch that is not taken may be anything. */
		choice(m, yes ? apply("Neg", "x") : apply("Unheard", "x"),
		       yes ? apply("Unheard", "x") : apply("Abs", "x"));
		CHECK(one_gives(m, x, sizeof(x), yes ? negative : absolute, sizeof(x)));
	}
}

static void dynamic(void)
{
	static const float x[2] = { 1, -2 };
	Onnx__ModelProto *m = onnx_model(16), *other;
	float y[2];
	struct one o;

	onnx_input(m, "c", BOOLEAN, scalar);
	onnx_input(m, "x", F32, two);
	choice(m, apply("Neg", "x"), apply("Abs", "x"));
	REQUIRE(!one_make(&o, m, NULL));
	for (int yes = 0; yes < 2; yes++) {
		unsigned char c = (unsigned char)yes;

		CHECK(!accel_session_write(o.session, 0, &c, 1));
		CHECK(!accel_session_write(o.session, 1, x, sizeof(x)));
		if (!one_run(&o))
			continue;
		CHECK(!accel_session_read(o.session, 0, y, sizeof(y)));
		CHECK(y[0] == (yes ? -1 : 1) && y[1] == 2);
	}
	one_done(&o);
	/* Not of two shapes, and not where the branch that is not taken could fail. */
	m = onnx_model(16);
	onnx_input(m, "c", BOOLEAN, scalar);
	onnx_input(m, "x", F32, two);
	choice(m, apply("Neg", "x"), apply("Shape", "x"));
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "branches that differ");
	one_done(&o);
	m = onnx_model(16);
	onnx_input(m, "c", BOOLEAN, scalar);
	onnx_input(m, "x", F32, two);
	onnx_input(m, "i", I64, two);
	other = apply("Gather", "x i");
	choice(m, apply("Neg", "x"), other);
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "'Gather', which may fail");
	one_done(&o);
}

/* Turns: a = a + x, list of a * i; ends after @most turns or when i reaches @last. */
static Onnx__ModelProto *looping(int64_t most, int64_t last)
{
	Onnx__ModelProto *m = onnx_model(16), *body = onnx_model(16);
	Onnx__NodeProto *n;

	onnx_input(body, "i", I64, scalar);
	onnx_input(body, "go", BOOLEAN, scalar);
	onnx_input(body, "a", F32, two);
	onnx_node(body, "Add", "a x", "b");
	onnx_int(onnx_node(body, "Cast", "i", "f"), "to", F32);
	onnx_node(body, "Mul", "b f", "s");
	onnx_raw(body, "last", I64, scalar, &last, 8);
	onnx_node(body, "Less", "i last", "more");
	onnx_output(body, "more", BOOLEAN);
	onnx_output(body, "b", F32);
	onnx_output(body, "s", F32);
	onnx_input(m, "x", F32, two);
	onnx_raw(m, "most", I64, scalar, &most, 8);
	truth(m, "start", true);
	n = onnx_node(m, "Loop", "most start x", "end list");
	onnx_graph_in(n, "body", body);
	onnx_output(m, "list", F32);
	onnx_output(m, "end", F32);
	return m;
}

static void loops(void)
{
	static const float x[2] = { 1, -2 };
	static const float three[6] = { 0, -0.0f, 3, -6, 8, -16 };
	Onnx__ModelProto *m = looping(3, 100);
	struct one o;

	CHECK(one_gives(m, x, sizeof(x), three, sizeof(three)));
	/* The condition ends it before. */
	CHECK(one_gives(looping(1000, 1), x, sizeof(x), three, 4 * sizeof(float)));
	CHECK_ERR_TEXT(one_make(&o, looping(0, 1), NULL), -EOPNOTSUPP, "no turn at all");
	one_done(&o);
	/* Without end; and with an end that is too far. */
	CHECK_ERR_TEXT(one_make(&o, looping(1 << 30, 1 << 30), NULL), -EINVAL, "too many turns");
	one_done(&o);
	m = looping(3, 100);
	m->graph->n_initializer--;	/* start, which becomes an input */
	onnx_input(m, "start", BOOLEAN, scalar);
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "condition that is computed");
	one_done(&o);
	m = looping(3, 100);
	m->graph->node[0]->attribute[0]->g->n_output--;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "its body has 3 operands and 2 results");
	one_done(&o);
	m = looping(3, 100);
	m->graph->node[0]->attribute[0]->g->node[0]->input[1] = (char *)"nothing";
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "'nothing' is no value");
	one_done(&o);
	m = looping(3, 100);
	m->graph->node[0]->attribute[0]->g->node[0]->op_type = (char *)"";
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "node 0 has no operator");
	one_done(&o);
}

static void scans(void)
{
	static const float x[6] = { 1, 2, 3, 4, 5, 6 };
	static const float forward[6] = { 1, 2, 4, 6, 9, 12 }, backward[6] = { 9, 12, 8, 10, 5, 6 };

	for (int way = 0; way < 2; way++) {
		Onnx__ModelProto *m = onnx_model(16), *body = onnx_model(16);
		Onnx__NodeProto *n;

		onnx_input(body, "sum", F32, two);
		onnx_input(body, "row", F32, two);
		onnx_node(body, "Add", "sum row", "new");
		onnx_node(body, "Identity", "new", "copy");
		onnx_output(body, "new", F32);
		onnx_output(body, "copy", F32);
		onnx_raw(m, "zero", F32, two, (float[]){ 0, 0 }, 8);
		onnx_input(m, "x", F32, (int64_t[]){ 3, 2, -1 });
		n = onnx_node(m, "Scan", "zero x", "last all");
		onnx_graph_in(n, "body", body);
		onnx_int(n, "num_scan_inputs", 1);
		onnx_ints(n, "scan_input_directions", (int64_t[]){ way }, 1);
		onnx_ints(n, "scan_output_directions", (int64_t[]){ way }, 1);
		onnx_output(m, "all", F32);
		CHECK(one_gives(m, x, sizeof(x), way ? backward : forward, sizeof(forward)));
	}
}

static const struct check_test tests[] = {
	TEST(known),
	TEST(dynamic),
	TEST(loops),
	TEST(scans),
};

CHECK_MAIN(tests)

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checkpoints of this run are and cost. */
#include "monitor/monitor_priv.h"
#include "monitor/tables.h"
#include "replay/checkpoint.h"

#define MIB (1 << 20)
#define US 1000.0

typedef struct Figure {
    const char *name;
    size_t offset; /* of a 64-bit member of CheckpointStats */
} Figure;

static const Figure figures[] = {
    {"bytes", offsetof(CheckpointStats, bytes)},
    {"budget", offsetof(CheckpointStats, budget)},
    {"pages", offsetof(CheckpointStats, pages)},
    {"packed-pages", offsetof(CheckpointStats, packed_pages)},
    {"spilled-pages", offsetof(CheckpointStats, spilled_pages)},
    {"spilled-bytes", offsetof(CheckpointStats, spilled_bytes)},
    {"spacing-ns", offsetof(CheckpointStats, spacing_ns)},
    {"taken", offsetof(CheckpointStats, taken)},
    {"restored", offsetof(CheckpointStats, restored)},
    {"dropped", offsetof(CheckpointStats, dropped)},
    {"pause-max-ns", offsetof(CheckpointStats, pause_max_ns)},
    {"pause-p99-ns", offsetof(CheckpointStats, pause_p99_ns)},
    {"pause-sum-ns", offsetof(CheckpointStats, pause_sum_ns)},
    {"back-max-ns", offsetof(CheckpointStats, back_max_ns)},
    {"back-sum-ns", offsetof(CheckpointStats, back_sum_ns)},
};

static void add_place(JsonArray *list, const Checkpoint *cp)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "icount",
                               (int64_t)checkpoint_moment(cp).icount);
    json_object_set_int_member(o, "sequence",
                               (int64_t)checkpoint_moment(cp).sequence);
    json_object_set_boolean_member(o, "pinned", checkpoint_pinned(cp));
    json_array_add_object_element(list, o);
}

static bool cmd_query_checkpoints(Vm *vm, const CmdIn *in, CmdOut *out,
                                  GError **error)
{
    Checkpoints *c = vm->replay ? replay_checkpoints(vm->replay) : NULL;
    JsonObject *o = cmd_object(out);
    JsonArray *list = json_array_new();
    CheckpointStats stats = {0};

    if (c) {
        checkpoints_stats(c, &stats);
        for (const Checkpoint *cp = checkpoint_first(c); cp;
             cp = checkpoint_next(c, cp)) {
            add_place(list, cp);
        }
    }
    json_object_set_boolean_member(o, "enabled", c != NULL);
    json_object_set_int_member(o, "count", stats.count);
    json_object_set_int_member(o, "pinned", stats.pinned);
    for (unsigned i = 0; i < G_N_ELEMENTS(figures); i++) {
        json_object_set_int_member(
            o, figures[i].name,
            *(const int64_t *)((const char *)&stats + figures[i].offset));
    }
    json_object_set_array_member(o, "checkpoints", list);
    return true;
}

static void print_checkpoints(JsonNode *value, GString *out)
{
    int64_t taken = node_int(value, "taken");

    if (!node_bool(value, "enabled")) {
        g_string_append(out, "No checkpoints are made in this run\n");
        return;
    }
    g_string_append_printf(
        out,
        "checkpoints         %" PRId64 ", %" PRId64 " of them pinned\n"
        "memory              %" PRId64 " of %" PRId64 " MiB\n"
        "pages               %" PRId64 ", %" PRId64 " compressed, %" PRId64
        " in the file (%" PRId64 " MiB)\n"
        "spacing             %" PRId64 " ms of running\n",
        node_int(value, "count"), node_int(value, "pinned"),
        node_int(value, "bytes") / MIB, node_int(value, "budget") / MIB,
        node_int(value, "pages"), node_int(value, "packed-pages"),
        node_int(value, "spilled-pages"),
        node_int(value, "spilled-bytes") / MIB,
        node_int(value, "spacing-ns") / 1000000);
    g_string_append_printf(
        out,
        "so far              %" PRId64 " made, %" PRId64 " dropped, %" PRId64
        " gone back to\n"
        "pause of making     %.0f us on average, %.0f us p99, %.0f us at "
        "most\n"
        "time of going back  %.0f us on average, %.0f us at most\n",
        taken, node_int(value, "dropped"), node_int(value, "restored"),
        (double)node_int(value, "pause-sum-ns") / US / (double)MAX(taken, 1),
        (double)node_int(value, "pause-p99-ns") / US,
        (double)node_int(value, "pause-max-ns") / US,
        (double)node_int(value, "back-sum-ns") / US
            / (double)MAX(node_int(value, "restored"), 1),
        (double)node_int(value, "back-max-ns") / US);
}

/* clang-format off */
const CmdRow cmd_rows_checkpoint[] = {
    {"x-query-checkpoints", "info checkpoints", NULL, cmd_query_checkpoints, print_checkpoints, "checkpoints of this run: number, memory, pauses, places", 0, "CheckpointInfo"},
    {NULL},
};
/* clang-format on */

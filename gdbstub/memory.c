/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory packets, and the recorded action that every write is. */
#include <string.h>

#include "core/error.h"
#include "gdbstub/gdb_priv.h"
#include "replay/replay.h"

#define READ_MAX (GDB_PACKET_MAX / 2)
#define WRITE_MAX 1024 /* bytes of one action */

/* --- the action ---------------------------------------------------------------------- */

enum {
    WRITE_VIRTUAL,
    WRITE_PHYSICAL,
    WRITE_REGISTER, /* at: its number */
};

typedef struct GdbWrite {
    uint8_t kind;
    uint32_t vcpu;
    uint64_t at;
    uint32_t size;
    uint8_t data[WRITE_MAX];
} GdbWrite;

static bool write_codec(Codec *c, void *event)
{
    GdbWrite *e = event;

    return codec_u8(c, &e->kind) && codec_u32(c, &e->vcpu)
           && codec_u64(c, &e->at) && codec_size(c, &e->size, WRITE_MAX)
           && codec_bytes(c, e->data, e->size);
}

static const CpuRegRow *reg_row(const CpuGdb *gdb, uint64_t n)
{
    for (unsigned i = 0; i < gdb->feature_count; i++) {
        if (n < gdb->features[i].count) {
            return &gdb->features[i].rows[n];
        }
        n -= gdb->features[i].count;
    }
    return NULL;
}

static void write_register(Vcpu *v, const GdbWrite *e)
{
    const CpuGdb *gdb = v->ops->gdb ? v->ops->gdb(v) : NULL;
    const CpuRegRow *row = gdb ? reg_row(gdb, e->at) : NULL;

    if (row && row->bytes == e->size) {
        gdb->write(v, row, e->data);
    }
}

static void write_deliver(Vm *vm, const void *event)
{
    const GdbWrite *e = event;
    Vcpu *v;

    if (e->vcpu >= vm->vcpus->len) {
        return; /* of a foreign log */
    }
    v = (Vcpu *)g_ptr_array_index(vm->vcpus, e->vcpu);
    switch (e->kind) {
    case WRITE_VIRTUAL:
        vcpu_poke(v, e->at, e->data, e->size);
        break;
    case WRITE_PHYSICAL:
        mem_poke(vm->mem, e->at, e->data, e->size);
        break;
    case WRITE_REGISTER:
        write_register(v, e);
        break;
    default:
        break;
    }
}

const InputSource gdb_source = {
    .name = "debug",
    .version = 1,
    .event_size = sizeof(GdbWrite),
    .codec = write_codec,
    .deliver = write_deliver,
};

static bool write_post(GdbState *g, const GdbWrite *e, GError **error)
{
    return input_post(g->vm, &gdb_source, e)
           || fail(error, "gdb: the input queue is full");
}

bool gdb_write_reg(GdbState *g, Vcpu *v, unsigned reg, const uint8_t *value,
                   GError **error)
{
    const CpuRegRow *row = g_ptr_array_index(gdb_registers(g), reg);
    GdbWrite e = {.kind = WRITE_REGISTER,
                  .vcpu = v->index,
                  .at = reg,
                  .size = row->bytes};

    memcpy(e.data, value, row->bytes);
    return !replay_refuse_action(g->vm->replay, "a register write", error)
           && write_post(g, &e, error) && g->ops->deliver(g->vm, error);
}

static bool write_mem(GdbState *g, Vcpu *v, uint64_t at, const uint8_t *data,
                      size_t size, GError **error)
{
    GdbWrite e = {.kind = g->physical ? WRITE_PHYSICAL : WRITE_VIRTUAL,
                  .vcpu = v->index};

    if (replay_refuse_action(g->vm->replay, "a memory write", error)) {
        return false;
    }
    while (size) {
        e.at = at;
        e.size = (uint32_t)MIN(size, WRITE_MAX);
        memcpy(e.data, data, e.size);
        if (!write_post(g, &e, error)) {
            return false;
        }
        at += e.size;
        data += e.size;
        size -= e.size;
    }
    return g->ops->deliver(g->vm, error);
}

/* --- packets ---------------------------------------------------------------------------- */

bool gdb_peek(const GdbState *g, Vcpu *v, uint64_t at, void *buf, size_t size)
{
    return g->physical ? mem_peek(g->vm->mem, at, buf, size)
                       : vcpu_peek(v, at, buf, size);
}

static bool mem_header(Scan *s, uint64_t *at, uint64_t *size)
{
    return scan_hex(s, at) && scan_char(s, ',') && scan_hex(s, size);
}

void gdb_cmd_read_mem(GdbState *g, Scan *s)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t at, size;

    if (!mem_header(s, &at, &size) || scan_left(s) || size > READ_MAX) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    buf = g_malloc(size + 1);
    if (!gdb_peek(g, gdb_vcpu(g, g->g_vcpu), at, buf, size)) {
        gdb_error(g, GDB_EFAULT);
        return;
    }
    hex_append(g->reply, buf, size);
}

static void mem_write(GdbState *g, uint64_t at, const uint8_t *data,
                      size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *old = g_malloc(size + 1);
    Vcpu *v = gdb_vcpu(g, g->g_vcpu);

    if (size && !gdb_peek(g, v, at, old, size)) {
        gdb_error(g, GDB_EFAULT);
    } else if (size && !write_mem(g, v, at, data, size, &error)) {
        gdb_error(g, GDB_EINVAL);
    } else {
        gdb_ok(g);
    }
}

void gdb_cmd_write_mem(GdbState *g, Scan *s)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t at, size;

    if (!mem_header(s, &at, &size) || !scan_char(s, ':') || size > READ_MAX
        || scan_left(s) != size * 2) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    buf = g_malloc(size + 1);
    if (!scan_bytes(s, buf, size)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    mem_write(g, at, buf, size);
}

void gdb_cmd_write_bin(GdbState *g, Scan *s)
{
    uint64_t at, size;

    if (!mem_header(s, &at, &size) || !scan_char(s, ':')
        || scan_left(s) != size) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    mem_write(g, at, (const uint8_t *)s->at, size);
}

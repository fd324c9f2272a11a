/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at guest memory: x, xp, memsave, pmemsave, print. No side effects. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "accel/vcpu.h"
#include "core/bytes.h"
#include "monitor/monitor_priv.h"

#define COUNT_MAX 65536
#define LINE_BYTES 16
#define SAVE_MAX_BYTES (1LL << 40)

typedef struct Format {
    unsigned count;
    char format; /* x d u o c i */
    unsigned size;
} Format;

/* "/4xw" to numbers */
static bool format_parse(const char *text, Format *f, GError **error)
{
    static const char sizes[] = "bhwg";
    const char *p = text ? text : "/";
    uint64_t count = 0;

    *f = (Format){.count = 1, .format = 'x', .size = 4};
    for (p++; g_ascii_isdigit(*p); p++) {
        count = MIN(count * 10 + (uint64_t)(*p - '0'), COUNT_MAX + 1);
    }
    if (count > COUNT_MAX) {
        return fail(error, "format '%s': at most %d items", text, COUNT_MAX);
    }
    f->count = count ? (unsigned)count : 1;
    for (; *p; p++) {
        const char *size = strchr(sizes, *p);

        if (size) {
            f->size = 1u << (size - sizes);
        } else if (strchr("xduoci", *p)) {
            f->format = *p;
            f->size = *p == 'c' ? 1 : f->size;
        } else {
            return fail(error,
                        "format '%s': '%c' is none of x d u o c i, b h w g",
                        text, *p);
        }
    }
    return true;
}

static void format_value(const Format *f, uint64_t v, GString *out)
{
    unsigned bits = f->size * 8;
    int64_t s = (int64_t)(v << (64 - bits)) >> (64 - bits);

    switch (f->format) {
    case 'd':
        g_string_append_printf(out, "%" PRId64, s);
        break;
    case 'u':
        g_string_append_printf(out, "%" PRIu64, v);
        break;
    case 'o':
        g_string_append_printf(out, "0%" PRIo64, v);
        break;
    case 'c':
        g_string_append_printf(out,
                               g_ascii_isprint((char)v) ? "'%c'" : "'\\x%02x'",
                               (unsigned)(uint8_t)v);
        break;
    default:
        g_string_append_printf(out, "0x%0*" PRIx64, (int)f->size * 2, v);
        break;
    }
}

/* @v: in its virtual memory; @phys: in physical memory */
static bool examine_peek(Vcpu *v, bool phys, uint64_t at, void *buf,
                         size_t size)
{
    return phys ? mem_peek(v->dev.vm->mem, at, buf, size)
                : vcpu_peek(v, at, buf, size);
}

static bool examine_code(Vcpu *v, bool phys, const Format *f, uint64_t at,
                         GString *out)
{
    for (unsigned i = 0; i < f->count; i++) {
        uint8_t bytes[16];
        unsigned avail = 0, used;

        while (avail < sizeof(bytes)
               && examine_peek(v, phys, at + avail, bytes + avail, 1)) {
            avail++;
        }
        if (!avail) {
            g_string_append(out, "Cannot access memory\n");
            return true;
        }
        g_string_append_printf(out, "0x%016" PRIx64 ":  ", at);
        used = v->ops->disas(v->mode, at, bytes, avail, out);
        if (!used) {
            g_string_append_printf(out, ".byte 0x%02x", bytes[0]);
        }
        g_string_append_c(out, '\n');
        at += used ? used : 1;
    }
    return true;
}

static bool examine(Vm *vm, bool phys, const CmdIn *in, CmdOut *out,
                    GError **error)
{
    uint64_t at = (uint64_t)cmd_int(in, "addr", 0);
    unsigned per_line;
    Format f;
    Vcpu *v;

    if (!format_parse(cmd_str(in, "fmt"), &f, error)) {
        return false;
    }
    per_line = f.size == 1 && f.format != 'c' ? 8 : LINE_BYTES / f.size;
    v = cmd_vcpu(vm, in, error);
    if (!v) {
        return false;
    }
    if (f.format == 'i') {
        if (!v->ops->disas) {
            return fail(error, "there is no disassembler for this CPU");
        }
        return examine_code(v, phys, &f, at, out->text);
    }
    for (unsigned i = 0; i < f.count; i++) {
        uint8_t raw[8] = {0};

        if (i % per_line == 0) {
            g_string_append_printf(out->text, "%s%016" PRIx64 ":",
                                   i ? "\n" : "", at);
        }
        if (!examine_peek(v, phys, at, raw, f.size)) {
            g_string_append(out->text, " Cannot access memory");
            break;
        }
        g_string_append_c(out->text, ' ');
        format_value(&f, ld_le64(raw), out->text);
        at += f.size;
    }
    g_string_append_c(out->text, '\n');
    return true;
}

bool cmd_examine(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return examine(vm, false, in, out, error);
}

bool cmd_examine_phys(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return examine(vm, true, in, out, error);
}

bool cmd_print(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Format f;

    if (!format_parse(cmd_str(in, "fmt"), &f, error)) {
        return false;
    }
    f.size = f.format == 'c' ? 1 : 8;
    if (f.format == 'x' || f.format == 'i') {
        g_string_append_printf(out->text, "0x%" PRIx64,
                               (uint64_t)cmd_int(in, "val", 0));
    } else {
        format_value(&f, (uint64_t)cmd_int(in, "val", 0), out->text);
    }
    g_string_append_c(out->text, '\n');
    return true;
}

/* --- saving -------------------------------------------------------------------- */

typedef bool SavePiece(Vm *vm, void *opaque, uint64_t at, uint8_t *buf,
                       size_t size, GError **error);

static bool save_virtual(Vm *vm, void *opaque, uint64_t at, uint8_t *buf,
                         size_t size, GError **error)
{
    return vcpu_peek(opaque, at, buf, size)
           || fail(error, "virtual address 0x%" PRIx64 " is not mapped", at);
}

/* What is not there reads as all ones, as the guest would see it. */
static bool save_physical(Vm *vm, void *opaque, uint64_t at, uint8_t *buf,
                          size_t size, GError **error)
{
    memset(buf, 0xff, size);
    while (size) {
        MemHit hit;
        size_t n;

        mem_lookup(vm->mem, at, &hit);
        n = (size_t)MIN(hit.room, size);
        if (hit.kind != MEM_UNMAPPED && !mem_peek(vm->mem, at, buf, n)) {
            memset(buf, 0xff, n);
        }
        at += n;
        buf += n;
        size -= n;
    }
    return true;
}

static bool save(Vm *vm, const CmdIn *in, SavePiece *piece, void *opaque,
                 GError **error)
{
    const char *path = cmd_str(in, "filename");
    uint64_t at = (uint64_t)cmd_int(in, "val", 0);
    int64_t left = cmd_int(in, "size", 0);
    uint8_t buf[GUEST_PAGE_SIZE];
    FILE *file;
    bool good = true;

    if (left < 0 || left > SAVE_MAX_BYTES) {
        return fail(error, "size: %" PRId64 " is not 0 to 2^40 bytes", left);
    }
    file = fopen(path, "we");
    if (!file) {
        return fail_errno(error, errno, "Could not open '%s'", path);
    }
    while (good && left) {
        size_t n = (size_t)MIN(
            left, (int64_t)(sizeof(buf) - (at & (sizeof(buf) - 1))));

        good = piece(vm, opaque, at, buf, n, error);
        if (good && fwrite(buf, 1, n, file) != n) {
            good = fail_errno(error, errno, "cannot write '%s'", path);
        }
        at += n;
        left -= (int64_t)n;
    }
    if (fclose(file) != 0 && good) {
        good = fail_errno(error, errno, "cannot write '%s'", path);
    }
    return good;
}

bool cmd_memsave(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Vcpu *v = cmd_vcpu(vm, in, error);

    return v && save(vm, in, save_virtual, v, error);
}

bool cmd_pmemsave(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return save(vm, in, save_physical, NULL, error);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at the machine: mappings, memory map, ports, interrupt controllers. */
#include <string.h>

#include "accel/vcpu.h"
#include "hw/machine.h"
#include "monitor/monitor_priv.h"
#include "monitor/tables.h"
#include "monitor/x86_pages.h"

#define TLB_LINES_MAX 262144
#define SUM_MAX_BYTES (1ll << 32)

/* --- virtual memory --------------------------------------------------------------- */

static bool tlb_line(void *opaque, uint64_t va, uint64_t pa, uint64_t size,
                     uint64_t flags)
{
    static const struct {
        uint64_t bit;
        char letter;
    } marks[] = {
        {PAGE_NX, 'X'}, {1 << 8, 'G'},    {PAGE_LARGE, 'P'},
        {1 << 6, 'D'},  {1 << 5, 'A'},    {1 << 4, 'C'},
        {1 << 3, 'T'},  {PAGE_USER, 'U'}, {PAGE_WRITE, 'W'},
    };
    GString *out = opaque;

    if (size == GUEST_PAGE_SIZE) {
        flags &= ~PAGE_LARGE; /* PAT in a page table */
    }
    g_string_append_printf(out, "%016" PRIx64 ": %016" PRIx64 " ", va, pa);
    for (unsigned i = 0; i < G_N_ELEMENTS(marks); i++) {
        g_string_append_c(out, flags & marks[i].bit ? marks[i].letter : '-');
    }
    g_string_append_c(out, '\n');
    return out->len < TLB_LINES_MAX * 44ull;
}

static bool pages_said(X86Pages result, GString *out)
{
    if (result == X86_PAGES_OFF) {
        g_string_append(out, "PG disabled\n");
    } else if (result == X86_PAGES_MORE) {
        g_string_append(out, "(there is more)\n");
    }
    return true;
}

static bool cmd_info_tlb(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const X86Cpu *c = (const X86Cpu *)cmd_vcpu(vm, in, error);

    return c
           && pages_said(x86_pages_walk(c, NULL, tlb_line, out->text),
                         out->text);
}

typedef struct MemRun {
    GString *out;
    uint64_t from, to, flags;
    bool any;
} MemRun;

static void mem_run_print(MemRun *r)
{
    if (r->any) {
        g_string_append_printf(
            r->out, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n",
            r->from, r->to, r->to - r->from, r->flags & PAGE_USER ? 'u' : '-',
            r->flags & PAGE_WRITE ? 'w' : '-');
    }
}

static bool mem_run(void *opaque, uint64_t va, uint64_t pa, uint64_t size,
                    uint64_t flags)
{
    MemRun *r = opaque;

    flags &= PAGE_USER | PAGE_WRITE;
    if (r->any && r->to == va && r->flags == flags) {
        r->to = va + size;
        return true;
    }
    mem_run_print(r);
    *r = (MemRun){r->out, va, va + size, flags, true};
    return true;
}

static bool cmd_info_mem(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const X86Cpu *c = (const X86Cpu *)cmd_vcpu(vm, in, error);
    MemRun r = {.out = out->text};
    X86Pages result;

    if (!c) {
        return false;
    }
    result = x86_pages_walk(c, NULL, mem_run, &r);
    mem_run_print(&r);
    return pages_said(result, out->text);
}

static bool cmd_gva2gpa(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    uint64_t va = (uint64_t)cmd_int(in, "addr", 0);
    Vcpu *v = cmd_vcpu(vm, in, error);
    GuestPhys at;

    if (!v) {
        return false;
    }
    if (vcpu_translate_peek(v, va, &at)) {
        g_string_append_printf(out->text, "gpa: %#" PRIx64 "\n", (uint64_t)at);
    } else {
        g_string_append(out->text, "Unmapped\n");
    }
    return true;
}

/* --- the memory map ------------------------------------------------------------------ */

static void flat_print(AddressSpace *as, const char *name, uint64_t end,
                       GString *out)
{
    static const char *const kinds[] = {
        [MEM_RAM] = "ram", [MEM_ROM] = "rom", [MEM_MMIO] = "i/o"};
    uint64_t at = 0;
    MemHit hit;

    g_string_append_printf(out, "FlatView\n AS \"%s\"\n", name);
    for (;;) {
        uint64_t last;

        mem_lookup(as, at, &hit);
        last = at + hit.room - 1;
        if (hit.kind != MEM_UNMAPPED) {
            g_string_append_printf(
                out, "  %016" PRIx64 "-%016" PRIx64 " (prio 0, %s): %s", at,
                last, kinds[hit.kind], mem_name(hit.region));
            if (hit.offset) {
                g_string_append_printf(out, " @%016" PRIx64, hit.offset);
            }
            g_string_append_c(out, '\n');
        }
        if (last >= end || last < at) {
            break;
        }
        at = last + 1;
    }
    g_string_append_c(out, '\n');
}

static bool cmd_info_mtree(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    if (!cmd_bool(in, "f")) {
        mem_print_tree(vm, out->text);
        return true;
    }
    flat_print(vm->mem, "memory", UINT64_MAX, out->text);
    if (vm->io) {
        flat_print(vm->io, "I/O", UINT16_MAX, out->text);
    }
    return true;
}

static void ramblock_line(GString *out, const char *name, RamPage first,
                          uint64_t pages)
{
    g_string_append_printf(out,
                           "%24s    4 KiB  0x%016" PRIx64 " 0x%016" PRIx64
                           " 0x%016" PRIx64 "\n",
                           name, (uint64_t)first * GUEST_PAGE_SIZE,
                           pages * GUEST_PAGE_SIZE, pages * GUEST_PAGE_SIZE);
}

static bool cmd_info_ramblock(Vm *vm, const CmdIn *in, CmdOut *out,
                              GError **error)
{
    const char *name = NULL;
    RamPage first = 0;

    g_string_append(out->text,
                    "              Block Name    PSize              Offset"
                    "               Used              Total\n");
    for (RamPage page = 0; page < ram_page_count(vm->ram); page++) {
        uint64_t off;
        const char *block = ram_page_block(vm->ram, page, &off);

        if (off == 0) {
            if (name) {
                ramblock_line(out->text, name, first, page - first);
            }
            name = block;
            first = page;
        }
    }
    if (name) {
        ramblock_line(out->text, name, first, ram_page_count(vm->ram) - first);
    }
    return true;
}

static void rom_line(void *opaque, const MachineBlob *blob)
{
    if (blob->kind == BLOB_FIRMWARE) {
        g_string_append_printf(opaque, "fw=%s size=0x%06zx name=\"%s\"\n",
                               blob->name, g_bytes_get_size(blob->data),
                               blob->name);
    }
}

static bool cmd_info_roms(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    if (machine_of(vm)) {
        machine_blob_foreach(vm, rom_line, out->text);
    }
    return true;
}

/* --- single values ----------------------------------------------------------------- */

/* The BSD checksum, as sum(1) -r computes it. */
static bool cmd_sum(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    uint64_t at = (uint64_t)cmd_int(in, "start", 0);
    int64_t size = cmd_int(in, "size", 0);
    uint16_t sum = 0;

    if (size < 0 || size > SUM_MAX_BYTES) {
        return fail(error, "size: %" PRId64 " is not 0 to 2^32 bytes", size);
    }
    for (int64_t i = 0; i < size; i++) {
        uint8_t byte = 0xff;

        mem_peek(vm->mem, at + (uint64_t)i, &byte, 1);
        sum = (uint16_t)((sum >> 1 | sum << 15) + byte);
    }
    g_string_append_printf(out->text, "%05d\n", sum);
    return true;
}

/* A port is looked at, not read: reading would change the machine. */
static bool cmd_port_in(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *fmt = cmd_str(in, "fmt");
    uint64_t port = (uint64_t)cmd_int(in, "addr", 0) & 0xffff, v = 0;
    unsigned size = 1;
    uint8_t raw[8] = {0};

    if (fmt) {
        size = strchr(fmt, 'w') ? 4 : strchr(fmt, 'h') ? 2 : 1;
    }
    if (!vm->io) {
        return fail(error, "this machine has no ports");
    }
    if (!mem_peek(vm->io, port, raw, size)) {
        memset(raw, 0xff, sizeof(raw));
    }
    for (unsigned i = size; i > 0; i--) {
        v = v << 8 | raw[i - 1];
    }
    g_string_append_printf(out->text,
                           "port%c[0x%04" PRIx64 "] = 0x%0*" PRIx64 "\n",
                           size == 1   ? 'b'
                           : size == 2 ? 'w'
                                       : 'l',
                           port, (int)size * 2, v);
    return true;
}

static bool cmd_boot_set(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return fail(error, "the boot order was set when the machine was built "
                       "(-boot)");
}

/* --- state rows ---------------------------------------------------------------------- */

static const StateField *row_find(const StateField *rows, const char *name)
{
    while (rows->kind != STATE_KIND_END && strcmp(rows->name, name) != 0) {
        rows++;
    }
    return rows->kind == STATE_KIND_END ? NULL : rows;
}

/* Element @i of a scalar row; 0 when there is none. */
static uint64_t row(const void *obj, const StateField *rows, const char *name,
                    unsigned i)
{
    const StateField *f = row_find(rows, name);
    uint64_t v = 0; /* hosts are little-endian (meson.build) */

    if (f && i < f->count && f->size <= sizeof(v)) {
        memcpy(&v, (const uint8_t *)obj + f->offset + (size_t)i * f->size,
               f->size);
    }
    return v;
}

static const Device *device_of(Vm *vm, const char *type, unsigned n)
{
    for (const Device *d = vm->devices; d; d = d->next) {
        if (strcmp(d->type->name, type) == 0 && n-- == 0) {
            return d;
        }
    }
    return NULL;
}

static void pic_print(const Device *pic, GString *out)
{
    const StateField *group = row_find(pic->type->state, "chip");

    for (unsigned i = group ? group->count : 0; i > 0; i--) {
        const uint8_t *chip =
            (const uint8_t *)pic + group->offset + (i - 1) * group->size;
        const StateField *r = group->group;
        uint64_t elcr = row(chip, r, "elcr", 0);
        uint64_t irr = (row(chip, r, "edge", 0) & ~elcr)
                       | (row(chip, r, "level", 0) & elcr);

        g_string_append_printf(
            out,
            "pic%u: irr=%02x imr=%02x isr=%02x hprio=%u irq_base=%02x "
            "rr_sel=%u elcr=%02x fnm=%u\n",
            i - 1, (unsigned)irr, (unsigned)row(chip, r, "imr", 0),
            (unsigned)row(chip, r, "isr", 0),
            (unsigned)(row(chip, r, "lowest", 0) + 1) & 7,
            (unsigned)row(chip, r, "vector", 0),
            (unsigned)row(chip, r, "read_isr", 0), (unsigned)elcr,
            (unsigned)row(chip, r, "icw4", 0) >> 4 & 1);
    }
}

static const char *delivery_mode(unsigned mode)
{
    static const char *const names[] = {"fixed", "lowest", "smi",  "...",
                                        "nmi",   "init",   "sipi", "extint"};

    return names[mode & 7];
}

static void ioapic_print(const Device *dev, GString *out)
{
    const StateField *r = dev->type->state;
    const StateField *entries = row_find(r, "entry");
    g_autoptr(GString) waiting = g_string_new(NULL);

    g_string_append_printf(out, "ioapic0: ver=0x20 id=0x%02x sel=0x%02x\n",
                           (unsigned)row(dev, r, "id", 0),
                           (unsigned)row(dev, r, "index", 0));
    for (unsigned i = 0; entries && i < entries->count; i++) {
        uint64_t e = row(dev, r, "entry", i);

        g_string_append_printf(
            out,
            "  pin %-2u 0x%016" PRIx64 " dest=%x vec=%-3u active-%s %-5s %-6s "
            "%-6s %s\n",
            i, e, (unsigned)(e >> 56), (unsigned)(e & 0xff),
            e & 1 << 13 ? "lo" : "hi", e & 1 << 15 ? "level" : "edge",
            e & 1 << 16 ? "masked" : "", delivery_mode((unsigned)(e >> 8)),
            e & 1 << 11 ? "logical" : "physical");
        if (e & 1 << 14) {
            g_string_append_printf(waiting, " %u", i);
        }
    }
    g_string_append_printf(out, "  Remote IRR:%s\n",
                           waiting->len ? waiting->str : " (none)");
}

static bool cmd_info_pic(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const Device *pic = device_of(vm, "i8259", 0);
    const Device *ioapic = device_of(vm, "ioapic", 0);

    if (ioapic) {
        ioapic_print(ioapic, out->text);
    }
    if (pic) {
        pic_print(pic, out->text);
    }
    return pic || ioapic || fail(error, "there is no interrupt controller");
}

static bool cmd_info_irq(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return fail(error, "interrupts are not counted (log int shows them)");
}

static void lapic_vectors(const Device *d, const char *name, GString *out)
{
    bool any = false;

    g_string_append_printf(out, "%s\t",
                           name[0] == 'i' && name[1] == 'r' ? "IRR" : "ISR");
    for (unsigned i = 0; i < 256; i++) {
        if (row(d, d->type->state, name, i / 32) >> (i % 32) & 1) {
            g_string_append_printf(out, " %u", i);
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : " (none)\n");
}

static void lapic_lvt(const Device *d, const char *name, unsigned n, bool timer,
                      GString *out)
{
    static const char *const modes[] = {"Fixed", "LowPri", "SMI",  "...",
                                        "NMI",   "INIT",   "SIPI", "ExtINT"};
    static const char *const timers[] = {"one-shot", "periodic", "tsc-deadline",
                                         "..."};
    uint64_t v = row(d, d->type->state, "lvt", n);
    unsigned mode = (unsigned)(v >> 8) & 7;

    g_string_append_printf(
        out, "%s\t 0x%08x active-%s %-5s %-6s %-7s %-12s %-6s", name,
        (unsigned)v, v & 1 << 13 ? "lo" : "hi", v & 1 << 15 ? "level" : "edge",
        v & 1 << 16 ? "masked" : "", v & 1 << 12 ? "pending" : "",
        timer ? timers[v >> 17 & 3] : "", modes[mode]);
    if (mode != 4) { /* an NMI has no vector */
        g_string_append_printf(out, " (vec %u)", (unsigned)v & 0xff);
    }
    g_string_append_c(out, '\n');
}

static bool cmd_info_lapic(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    static const struct {
        const char *name;
        unsigned n;
    } lvts[] = {{"LVT0", 3},   {"LVT1", 4},    {"LVTPC", 2},
                {"LVTERR", 5}, {"LVTTHMR", 1}, {"LVTT", 0}};
    const Vcpu *v = cmd_vcpu(vm, in, error);
    const Device *d;
    const StateField *r;
    GString *s = out->text;
    unsigned n = v ? v->index : 0, divide;

    n = (unsigned)cmd_int(in, "apic-id", n);
    d = v ? device_of(vm, "lapic", n) : NULL;
    if (!d) {
        return v ? fail(error, "there is no local APIC of this number") : false;
    }
    r = d->type->state;
    g_string_append_printf(s, "dumping local APIC state for CPU %u\n\n", n);
    for (unsigned i = 0; i < G_N_ELEMENTS(lvts); i++) {
        lapic_lvt(d, lvts[i].name, lvts[i].n, lvts[i].n == 0, s);
    }
    divide = (unsigned)row(d, r, "divide", 0);
    divide = ((divide & 3) | (divide >> 1 & 4)) + 1;
    g_string_append_printf(s,
                           "Timer\t DCR=0x%x (divide by %u) initial_count = "
                           "%u\n",
                           (unsigned)row(d, r, "divide", 0), 1u << (divide & 7),
                           (unsigned)row(d, r, "initial", 0));
    g_string_append_printf(
        s, "SPIV\t 0x%08x APIC %s, focus=off, spurious vec %u\n",
        (unsigned)row(d, r, "svr", 0),
        row(d, r, "svr", 0) & 1 << 8 ? "enabled" : "disabled",
        (unsigned)row(d, r, "svr", 0) & 0xff);
    g_string_append_printf(s, "ICR\t 0x%08x\nICR2\t 0x%08x\nESR\t 0x%08x\n",
                           (unsigned)row(d, r, "icr_low", 0),
                           (unsigned)row(d, r, "icr_high", 0),
                           (unsigned)row(d, r, "esr", 0));
    lapic_vectors(d, "isr", s);
    lapic_vectors(d, "irr", s);
    g_string_append_printf(s, "TPR 0x%02x DFR 0x%02x LDR 0x%02x\n",
                           (unsigned)row(d, r, "tpr", 0),
                           (unsigned)row(d, r, "dfr", 0) >> 28,
                           (unsigned)row(d, r, "ldr", 0) >> 24);
    return true;
}

/* All state of one device, row by row. */
static void state_line(void *opaque, const char *name, const char *value)
{
    g_string_append_printf(opaque, "  %s = %s\n", name, value);
}

static bool cmd_info_device(Vm *vm, const CmdIn *in, CmdOut *out,
                            GError **error)
{
    const Device *d = device_find(vm, cmd_str(in, "path"));

    if (!d) {
        return cmd_fail(error, CMD_ERROR_DEVICE_NOT_FOUND,
                        "Device '%s' not found", cmd_str(in, "path"));
    }
    g_string_append_printf(out->text, "%s (%s)\n", d->path, d->type->name);
    state_foreach(d, state_line, out->text);
    return true;
}

static void complete_paths(Vm *vm, const char *prefix, GPtrArray *out)
{
    for (const Device *d = vm->devices; d; d = d->next) {
        g_ptr_array_add(out, g_strdup(d->path));
    }
}

/* --- the person's own ------------------------------------------------------------------ */

static bool cmd_cpu(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    int64_t n = cmd_int(in, "index", 0);

    if (n < 0 || n >= vm->vcpus->len) {
        return fail(error, "invalid CPU index");
    }
    if (in->mon) {
        in->mon->cpu = (unsigned)n;
    }
    return true;
}

static bool cmd_info_history(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    const GPtrArray *lines =
        in->mon && in->mon->line ? line_history_of(in->mon->line) : NULL;

    for (guint i = 0; lines && i < lines->len; i++) {
        g_string_append_printf(out->text, "%u: '%s'\n", i,
                               (const char *)g_ptr_array_index(lines, i));
    }
    return true;
}

/* clang-format off */
static const CmdArg args_addr[] = {{"addr", ARG_INT, .doc = "virtual address"}, {NULL}};
static const CmdArg args_flat[] = {{"f", ARG_FLAG, .optional = true, .doc = "as the guest sees it"}, {NULL}};
static const CmdArg args_sum[] = {
    {"start", ARG_INT, .doc = "physical address"},
    {"size",  ARG_INT, .doc = "bytes"}, {NULL},
};
static const CmdArg args_port[] = {
    {"fmt",  ARG_FMT, .optional = true, .doc = "/b, /h or /w"},
    {"addr", ARG_INT, .doc = "port"}, {NULL},
};
static const CmdArg args_boot[] = {{"bootdevice", ARG_STR, .doc = "as cdn"}, {NULL}};
static const CmdArg args_apic[] = {{"apic-id", ARG_INT, .optional = true, .doc = "whose"}, {NULL}};
static const CmdArg args_device[] = {{"path", ARG_STR, .doc = "path or id of a device", .complete = complete_paths}, {NULL}};
static const CmdArg args_cpu[] = {{"index", ARG_INT, .doc = "of a vCPU"}, {NULL}};

const CmdRow cmd_rows_look[] = {
    {NULL, "info mem", NULL, cmd_info_mem, NULL, "mapped virtual memory, in runs", 0},
    {NULL, "info tlb", NULL, cmd_info_tlb, NULL, "mapped virtual memory, page by page", 0},
    {NULL, "gva2gpa", args_addr, cmd_gva2gpa, NULL, "physical address of a virtual one", 0},
    {NULL, "info mtree", args_flat, cmd_info_mtree, NULL, "tree of memory regions", 0},
    {NULL, "info ramblock", NULL, cmd_info_ramblock, NULL, "blocks of RAM and ROM", 0},
    {NULL, "info roms", NULL, cmd_info_roms, NULL, "firmware that was loaded or made", 0},
    {NULL, "sum", args_sum, cmd_sum, NULL, "checksum of physical memory", 0},
    {NULL, "i", args_port, cmd_port_in, NULL, "look at a port (without the effects of reading it)", 0},
    {NULL, "boot_set", args_boot, cmd_boot_set, NULL, "boot order: only by -boot", CMD_IO},
    {NULL, "info pic", NULL, cmd_info_pic, NULL, "interrupt controllers", 0},
    {NULL, "info irq", NULL, cmd_info_irq, NULL, "counts of interrupts: none", CMD_IO},
    {NULL, "info lapic", args_apic, cmd_info_lapic, NULL, "local APIC", 0},
    {NULL, "info device", args_device, cmd_info_device, NULL, "all state of a device", 0},
    {NULL, "cpu", args_cpu, cmd_cpu, NULL, "choose the vCPU to look at", 0},
    {NULL, "info history", NULL, cmd_info_history, NULL, "commands typed before", CMD_IO},
    {NULL},
};
/* clang-format on */

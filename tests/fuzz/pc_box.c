/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/pc_box.h"

#include "accel/vcpu.h"
#include "core/bytes.h"
#include "hw/pc.h"
#include "hw/ps2.h"

#define BIOS_BYTES 0x10000
#define OPS_MAX 2048
#define RUN_STEPS_MAX 255

/* --- machine -------------------------------------------------------------------- */

static GBytes *load(void *opaque, const char *name, BlobKind kind,
                    const char *path, GError **error)
{
    uint8_t *rom;

    if (!g_str_equal(name, "bios")) {
        fail(error, "%s: no file '%s'", name, path);
        return NULL;
    }
    rom = g_malloc0(BIOS_BYTES);
    memset(rom, 0x90, BIOS_BYTES);
    memcpy(rom + BIOS_BYTES - 16, "\xea\x00\x7c\x00\x00", 5); /* to 0:7c00 */
    return g_bytes_new_take(rom, BIOS_BYTES);
}

static Vm *build(void)
{
    static const MachineBlobSource blobs = {.load = load};
    static const MachineConfig cfg = {
        .machine = "pc",
        .ram_bytes = PC_BOX_RAM,
        .cpus = 2,
        .long_mode = true,
        .blobs = &blobs,
        .nographic = true,
    };
    AccelOptions accel = {.interp = true, .verify = true};
    g_autoptr(GError) error = NULL;
    Vm *vm = vm_new();

    if (!accel_init(vm, &accel, &error)
        || !pc_machine.build(vm, &cfg, &error)) {
        g_error("%s", error->message);
    }
    devices_seal(vm);
    devices_reset(vm);
    vm->vcpu_now = g_ptr_array_index(vm->vcpus, 0);
    return vm;
}

static void find_ports(PcBox *b)
{
    b->ports = g_array_new(FALSE, FALSE, sizeof(uint16_t));
    for (uint32_t p = 0; p < 0x10000; p++) {
        uint16_t port = (uint16_t)p;
        MemHit hit;

        mem_lookup(b->vm->io, p, &hit);
        if (hit.kind == MEM_MMIO) {
            g_array_append_val(b->ports, port);
        }
    }
    g_assert_cmpuint(b->ports->len, >, 50);
}

static void copy_ram(PcBox *b)
{
    size_t pages = ram_page_count(b->vm->ram);

    b->ram = g_malloc(pages * GUEST_PAGE_SIZE);
    for (size_t i = 0; i < pages; i++) {
        memcpy(b->ram + i * GUEST_PAGE_SIZE,
               ram_page_host(b->vm->ram, (RamPage)i), GUEST_PAGE_SIZE);
    }
    ram_client_enable(b->vm, RAM_CLIENT_SUMMARY);
    g_array_unref(ram_client_collect(b->vm, RAM_CLIENT_SUMMARY));
}

static void restore_ram(PcBox *b)
{
    g_autoptr(GArray) dirty = ram_client_collect(b->vm, RAM_CLIENT_SUMMARY);

    for (guint i = 0; i < dirty->len; i++) {
        RamPage page = g_array_index(dirty, RamPage, i);

        memcpy(ram_page_host(b->vm->ram, page),
               b->ram + (size_t)page * GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
    }
}

PcBox *pc_box(void)
{
    static PcBox box; /* building one takes longer than most inputs */

    if (!box.vm) {
        box.vm = build();
        find_ports(&box);
        copy_ram(&box);
        box.start = pc_box_save(&box);
    }
    box.vm->vcpu_now = g_ptr_array_index(box.vm->vcpus, 0);
    box.vm->requests = 0;
    box.vm->horizon = false;
    restore_ram(&box);
    accel_flush_code(box.vm);
    pc_box_load(&box, box.start);
    return &box;
}

/* --- state ------------------------------------------------------------------------ */

static GByteArray *codec_save(const PcBox *b, bool clock)
{
    GByteArray *out = g_byte_array_new();
    Codec c;

    codec_init_write(&c, out);
    g_assert_true(clock ? clock_codec(b->vm->clock, &c)
                        : entropy_codec(b->vm->entropy, &c));
    return out;
}

GPtrArray *pc_box_save(const PcBox *b)
{
    GPtrArray *a =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);

    g_ptr_array_add(a, codec_save(b, true));
    g_ptr_array_add(a, codec_save(b, false));
    for (Device *dev = b->vm->devices; dev; dev = dev->next) {
        GByteArray *out = g_byte_array_new();

        state_save(dev, out);
        g_ptr_array_add(a, out);
    }
    return a;
}

void pc_box_load(PcBox *b, const GPtrArray *saved)
{
    guint n = 2;

    for (guint i = 0; i < 2; i++) {
        const GByteArray *a = g_ptr_array_index(saved, i);
        Codec c;

        codec_init_read(&c, a->data, a->len);
        g_assert_true(i == 0 ? clock_codec(b->vm->clock, &c)
                             : entropy_codec(b->vm->entropy, &c));
    }
    for (Device *dev = b->vm->devices; dev; dev = dev->next) {
        const GByteArray *a = g_ptr_array_index(saved, n++);
        g_autoptr(GError) error = NULL;

        state_load(dev, a->data, a->len, &error);
        g_assert_no_error(error);
    }
}

GArray *pc_box_digests(const PcBox *b)
{
    GArray *a = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    uint64_t v;
    Codec c;

    codec_init_hash(&c);
    clock_codec(b->vm->clock, &c);
    v = codec_finish_hash(&c);
    g_array_append_val(a, v);
    codec_init_hash(&c);
    entropy_codec(b->vm->entropy, &c);
    v = codec_finish_hash(&c);
    g_array_append_val(a, v);
    for (Device *dev = b->vm->devices; dev; dev = dev->next) {
        v = state_digest(dev);
        g_array_append_val(a, v);
    }
    return a;
}

void pc_box_assert_same(const PcBox *b, const GArray *digests,
                        const char *after)
{
    g_autoptr(GArray) now = pc_box_digests(b);
    Device *dev = b->vm->devices;

    for (guint i = 0; i < now->len; i++) {
        if (g_array_index(now, uint64_t, i)
            != g_array_index(digests, uint64_t, i)) {
            g_error("%s changed %s", after,
                    i == 0   ? "clock"
                    : i == 1 ? "entropy"
                             : dev->path);
        }
        dev = i < 2 ? dev : dev->next;
    }
}

/* --- operations --------------------------------------------------------------------- */

static uint64_t take_port(PcBox *b, FuzzIn *in)
{
    unsigned sel = (unsigned)fuzz_take(in, 1);

    return sel == 0xff ? fuzz_take(in, 2)
                       : g_array_index(b->ports, uint16_t, sel % b->ports->len);
}

static uint64_t take_phys(FuzzIn *in)
{
    static const uint64_t base[] = {
        0xfec00000, 0xfee00000, 0xfed00000, 0xa0000,    0xc0000,
        0xe0000,    0xf0000,    0xfffff000, 0xfff80000, 0xfebf0000,
        PC_BOX_RAM, 0xfffffffc, 0xfeb00000, 0x100000000};
    unsigned sel = (unsigned)fuzz_take(in, 1);

    if (sel == 0xff) {
        return fuzz_take(in, 8);
    }
    return base[sel % G_N_ELEMENTS(base)] + fuzz_take(in, 2);
}

static unsigned take_size(FuzzIn *in)
{
    return 1u << (fuzz_take(in, 1) & 3);
}

static void op_port(PcBox *b, FuzzIn *in, bool write)
{
    uint64_t port = take_port(b, in);
    unsigned size = take_size(in) & 7; /* no 8-byte ports: 1 byte */

    size = MAX(size, 1);

    if (write) {
        mem_io_write(b->vm->io, port, fuzz_take(in, size), size);
    } else {
        mem_io_read(b->vm->io, port, size);
    }
}

static void op_mmio(PcBox *b, FuzzIn *in, bool write)
{
    uint64_t at = take_phys(in);
    unsigned size = take_size(in);

    if (write) {
        mem_io_write(b->vm->mem, at, fuzz_take(in, size), size);
    } else {
        mem_io_read(b->vm->mem, at, size);
    }
}

static void op_time(PcBox *b, FuzzIn *in, bool jump)
{
    Clock *c = b->vm->clock;
    VirtTime when;

    if (!jump) {
        clock_set_icount(c, clock_icount(c) + fuzz_take(in, 2));
    } else if (clock_deadline(c, &when)) {
        clock_jump(c, when);
    }
    clock_run_due(c);
}

static void op_save_load(PcBox *b)
{
    g_autoptr(GPtrArray) saved = pc_box_save(b);
    g_autoptr(GArray) before = pc_box_digests(b);

    pc_box_load(b, saved);
    pc_box_assert_same(b, before, "save and load");
}

static void sink(void *opaque, const char *row, const char *value)
{
    g_assert_nonnull(value);
}

static void op_look(PcBox *b)
{
    static const uint64_t at[] = {0xfec00000, 0xfee00000, 0xfed00000, 0xfff00};
    g_autoptr(GArray) before = pc_box_digests(b);
    g_autoptr(GString) text = g_string_new(NULL);
    Vcpu *v = g_ptr_array_index(b->vm->vcpus, 0);
    uint8_t page[1024];

    for (guint i = 0; i < b->ports->len; i++) {
        mem_peek(b->vm->io, g_array_index(b->ports, uint16_t, i), page, 1);
        mem_peek(b->vm->io, g_array_index(b->ports, uint16_t, i), page, 4);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        mem_peek(b->vm->mem, at[i], page, sizeof(page));
    }
    for (Device *dev = b->vm->devices; dev; dev = dev->next) {
        state_foreach(dev, sink, NULL);
    }
    vcpu_peek(v, v->ops->get_pc(v), page, 16);
    v->ops->print(v, text);
    pc_box_assert_same(b, before, "looking");
}

/* What the loop does around a slice. */
static void op_run(PcBox *b, FuzzIn *in)
{
    unsigned which = (unsigned)fuzz_take(in, 1) % b->vm->vcpus->len;
    Vcpu *v = g_ptr_array_index(b->vm->vcpus, which);
    uint32_t steps = (uint32_t)fuzz_take(in, 1) % RUN_STEPS_MAX + 1;

    b->vm->vcpu_now = &v->dev;
    clock_run_due(b->vm->clock);
    if (!v->ops->irq_inhibited(v) && v->ops->irq_acceptable(v)) {
        v->ops->irq_accept(v);
    }
    if (v->ops->runnable(v)) {
        uint64_t from = clock_icount(b->vm->clock);

        b->vm->horizon = false;
        vcpu_run(v, steps);
        g_assert_cmpuint(clock_icount(b->vm->clock) - from, <=, steps);
    }
}

/* An input as the log would give it. */
static void op_input(PcBox *b, FuzzIn *in)
{
    const InputSource *source =
        fuzz_take(in, 1) & 1 ? &pointer_source : &key_source;
    g_autofree void *event = g_malloc0(source->event_size);
    size_t size = MIN(in->left, 16);
    Codec c;

    codec_init_read(&c, in->at, size);
    if (source->codec(&c, event)) {
        source->deliver(b->vm, event);
    }
    in->at += size;
    in->left -= size;
}

static void op_dma(PcBox *b, FuzzIn *in)
{
    uint64_t at = take_phys(in), target = take_phys(in);
    uint8_t block[16];

    if (fuzz_take(in, 1) & 1) {
        at = 0x1000;
    }
    st_be32(block, (uint32_t)fuzz_take(in, 4));
    st_be32(block + 4, (uint32_t)fuzz_take(in, 3));
    st_be64(block + 8, target);
    mem_poke(b->vm->mem, at, block, sizeof(block));
    mem_io_write(b->vm->io, 0x514, GUINT32_SWAP_LE_BE((uint32_t)(at >> 32)), 4);
    mem_io_write(b->vm->io, 0x518, GUINT32_SWAP_LE_BE((uint32_t)at), 4);
}

static void op_pci(PcBox *b, FuzzIn *in)
{
    uint32_t slot = (uint32_t)fuzz_take(in, 1),
             reg = (uint32_t)fuzz_take(in, 1);
    unsigned how = (unsigned)fuzz_take(in, 1);
    unsigned size = MIN(1u << (how & 3), 4);

    mem_io_write(b->vm->io, 0xcf8, 0x80000000u | slot << 8 | (reg & 0xfc), 4);
    if (how & 4) {
        mem_io_read(b->vm->io, 0xcfc + (reg & 3), size);
    } else {
        mem_io_write(b->vm->io, 0xcfc + (reg & 3), fuzz_take(in, size), size);
    }
}

static void op_ram(PcBox *b, FuzzIn *in)
{
    uint64_t at = fuzz_take(in, 3) % (PC_BOX_RAM - 64);
    size_t size = 1 + fuzz_take(in, 1) % 64;

    size = MIN(size, in->left);
    dma_write(b->vm->mem, at, in->at, size);
    in->at += size;
    in->left -= size;
}

static void op_person(PcBox *b, FuzzIn *in)
{
    switch (fuzz_take(in, 1) % 3) {
    case 0:
        machine_powerdown(b->vm);
        break;
    case 1:
        machine_nmi(b->vm);
        break;
    default:
        devices_reset(b->vm);
    }
}

/* A register behind an index register. */
static void op_indexed(PcBox *b, FuzzIn *in)
{
    uint64_t port = take_port(b, in);

    mem_io_write(b->vm->io, port, fuzz_take(in, 1), 1);
    mem_io_write(b->vm->io, port + 1, fuzz_take(in, 1), 1);
    mem_io_read(b->vm->io, port + 1, 1);
}

static void one_op(PcBox *b, FuzzIn *in)
{
    switch (fuzz_take(in, 1) % 16) {
    case 0:
        op_port(b, in, false);
        break;
    case 1:
    case 2:
        op_port(b, in, true);
        break;
    case 3:
        op_mmio(b, in, false);
        break;
    case 4:
        op_mmio(b, in, true);
        break;
    case 5:
        op_time(b, in, false);
        break;
    case 6:
        op_time(b, in, true);
        break;
    case 7:
        op_save_load(b);
        break;
    case 8:
        op_look(b);
        break;
    case 9:
        op_run(b, in);
        break;
    case 10:
        op_input(b, in);
        break;
    case 11:
        op_dma(b, in);
        break;
    case 12:
        op_pci(b, in);
        break;
    case 13:
        op_ram(b, in);
        break;
    case 14:
        op_person(b, in);
        break;
    default:
        op_indexed(b, in);
    }
}

void pc_box_ops(PcBox *b, FuzzIn *in)
{
    for (unsigned n = 0; n < OPS_MAX && in->left > 0; n++) {
        one_op(b, in);
        if (b->vm->requests & VM_REQ_RESET) {
            devices_reset(b->vm);
        }
        b->vm->requests = 0;
    }
}

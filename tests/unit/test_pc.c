/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pc board put together: memory map, CMOS, ACPI, SMBIOS, direct boot. */
#include "hw/machine.h"

#include <stdio.h>
#include <string.h>

#include "accel/vcpu.h"
#include "core/bytes.h"
#include "hw/acpi_build.h"
#include "hw/fw_cfg.h"
#include "hw/pc.h"
#include "hw/smbios.h"

#define MIB 0x100000ull
#define BIOS_BYTES 0x40000

/* --- a machine with made-up files ----------------------------------------- */

typedef struct Files {
    const char *kernel;
    size_t kernel_size;
} Files;

static GBytes *load(void *opaque, const char *name, BlobKind kind,
                    const char *path, GError **error)
{
    const Files *f = opaque;

    if (g_str_equal(name, "bios")) {
        uint8_t *rom = g_malloc0(BIOS_BYTES);

        memcpy(rom + BIOS_BYTES - 16, "reset vector", 12);
        return g_bytes_new_take(rom, BIOS_BYTES);
    }
    if (g_str_equal(name, "kernel") && f->kernel) {
        return g_bytes_new(f->kernel, f->kernel_size);
    }
    if (g_str_has_prefix(name, "module:") || g_str_equal(name, "initrd")) {
        return g_bytes_new_static("module data", 11);
    }
    fail(error, "%s: no file '%s'", name, path);
    return NULL;
}

typedef struct Setup {
    Files files;
    MachineBlobSource blobs;
    MachineConfig cfg;
} Setup;

static void setup_init(Setup *s)
{
    memset(s, 0, sizeof(*s));
    s->blobs = (MachineBlobSource){.load = load, .opaque = &s->files};
    s->cfg = (MachineConfig){
        .machine = "pc",
        .ram_bytes = 64 * MIB,
        .cpus = 2,
        .long_mode = true,
        .blobs = &s->blobs,
        .nographic = true,
    };
}

static void end(Vm *vm)
{
    accel_fini(vm);
    vm_free(vm);
}

static Vm *build(const Setup *s, GError **error)
{
    const AccelOptions interp = {.interp = true};
    Vm *vm = vm_new();

    if (!accel_init(vm, &interp, error)
        || !machine_find(s->cfg.machine, NULL)->build(vm, &s->cfg, error)) {
        end(vm);
        return NULL;
    }
    devices_seal(vm);
    devices_reset(vm);
    return vm;
}

static Vm *build_good(const Setup *s)
{
    GError *error = NULL;
    Vm *vm = build(s, &error);

    g_assert_no_error(error);
    return vm;
}

static Device *fw_cfg_of(Vm *vm)
{
    return device_find(vm, "/pc/fw-cfg");
}

static const uint8_t *file(Vm *vm, const char *name, size_t *size)
{
    GBytes *data = fw_cfg_find(fw_cfg_of(vm), name);

    g_assert_nonnull(data);
    return g_bytes_get_data(data, size);
}

static unsigned cmos(Vm *vm, unsigned index)
{
    mem_io_write(vm->io, 0x70, index, 1);
    return (unsigned)mem_io_read(vm->io, 0x71, 1);
}

static void test_map(void)
{
    Setup s;
    Vm *vm;
    char text[13] = {0};
    MemHit hit;

    setup_init(&s);
    vm = build_good(&s);
    g_assert_true(mem_peek(vm->mem, 0xfffffff0, text, 12));
    g_assert_cmpstr(text, ==, "reset vector");
    g_assert_true(mem_peek(vm->mem, 0xffff0, text, 12));
    g_assert_cmpstr(text, ==, "reset vector");
    mem_lookup(vm->mem, 64 * MIB - 1, &hit);
    g_assert_cmpint(hit.kind, ==, MEM_RAM);
    mem_lookup(vm->mem, 64 * MIB, &hit);
    g_assert_cmpint(hit.kind, ==, MEM_UNMAPPED);
    mem_lookup(vm->mem, 0xfec00000, &hit);
    g_assert_cmpint(hit.kind, ==, MEM_MMIO);
    mem_lookup(vm->mem, 0xfee00000, &hit);
    g_assert_cmpint(hit.kind, ==, MEM_MMIO);
    g_assert_cmphex(cmos(vm, 0x15) | cmos(vm, 0x16) << 8, ==, 640);
    g_assert_cmphex(cmos(vm, 0x17) | cmos(vm, 0x18) << 8, ==, 63 * 1024);
    g_assert_cmphex(cmos(vm, 0x34) | cmos(vm, 0x35) << 8, ==, 48 * 16);
    g_assert_cmphex(cmos(vm, 0x5f), ==, 1);
    g_assert_cmpuint(vm->vcpus->len, ==, 2);
    end(vm);
}

/* Two machines from one configuration are the same machine. */
static void digest(void *opaque, Device *dev)
{
    g_string_append_printf(opaque, "%s %016" PRIx64 "\n", dev->path,
                           state_digest(dev));
}

static void test_same(void)
{
    g_autoptr(GString) one = g_string_new(NULL), two = g_string_new(NULL);
    Setup s;
    Vm *vm;

    setup_init(&s);
    vm = build_good(&s);
    devices_foreach(vm, digest, one);
    devices_reset(vm);
    devices_foreach(vm, digest, two);
    g_assert_cmpstr(one->str, ==, two->str);
    end(vm);
    vm = build_good(&s);
    g_string_truncate(two, 0);
    devices_foreach(vm, digest, two);
    g_assert_cmpstr(one->str, ==, two->str);
    end(vm);
}

/* --- ACPI: what a BIOS does with the loader script ------------------------ */

#define TABLES_AT 0x3fe0000u
#define RSDP_AT 0xf5000u

static uint8_t sum(const uint8_t *p, size_t size)
{
    uint8_t v = 0;

    while (size--) {
        v = (uint8_t)(v + *p++);
    }
    return v;
}

typedef struct Loaded {
    uint8_t *rsdp, *tables; /* owned */
    size_t rsdp_size, tables_size;
} Loaded;

static uint8_t *loaded_file(Loaded *l, const char *name, size_t *size)
{
    bool rsdp = g_str_equal(name, ACPI_RSDP_FILE);

    g_assert_true(rsdp || g_str_equal(name, ACPI_TABLES_FILE));
    *size = rsdp ? l->rsdp_size : l->tables_size;
    return rsdp ? l->rsdp : l->tables;
}

static void run_command(Loaded *l, const uint8_t *c)
{
    size_t size;
    uint8_t *p = loaded_file(l, (const char *)c + 4, &size);
    uint32_t at;

    switch (ld_le32(c)) {
    case 1:
        g_assert_cmpuint(c[64], ==, p == l->rsdp ? 2 : 1);
        break;
    case 2:
        g_assert_cmpstr((const char *)c + 60, ==, ACPI_TABLES_FILE);
        at = ld_le32(c + 116);
        g_assert_cmpuint(at + c[120], <=, size);
        g_assert_cmpuint(ld_le32(p + at), <, l->tables_size);
        st_le32(p + at, ld_le32(p + at) + TABLES_AT);
        break;
    case 3:
        at = ld_le32(c + 60);
        g_assert_cmphex(p[at], ==, 0);
        p[at] = (uint8_t)(0 - sum(p + ld_le32(c + 64), ld_le32(c + 68)));
        break;
    default:
        g_assert_not_reached();
    }
}

static void load_acpi(Vm *vm, Loaded *l)
{
    size_t size;
    const uint8_t *script = file(vm, ACPI_LOADER_FILE, &size);

    l->rsdp = g_memdup2(file(vm, ACPI_RSDP_FILE, &l->rsdp_size), 36);
    l->tables =
        (uint8_t *)(uintptr_t)file(vm, ACPI_TABLES_FILE, &l->tables_size);
    l->tables = g_memdup2(l->tables, l->tables_size);
    g_assert_cmpuint(size % 128, ==, 0);
    for (size_t i = 0; i < size; i += 128) {
        run_command(l, script + i);
    }
}

static const uint8_t *table_at(const Loaded *l, uint32_t addr)
{
    g_assert_cmpuint(addr, >=, TABLES_AT);
    return l->tables + (addr - TABLES_AT);
}

static const uint8_t *find_table(const Loaded *l, const char *signature)
{
    const uint8_t *rsdt = table_at(l, ld_le32(l->rsdp + 16));
    unsigned count = (ld_le32(rsdt + 4) - 36) / 4;

    for (unsigned i = 0; i < count; i++) {
        const uint8_t *t = table_at(l, ld_le32(rsdt + 36 + 4 * i));

        if (memcmp(t, signature, 4) == 0) {
            return t;
        }
    }
    return NULL;
}

/* iasl as a second opinion on a table's form. */
static void disassemble(const uint8_t *table, const char *name)
{
    g_autofree char *iasl = g_find_program_in_path("iasl");
    g_autofree char *dir = g_dir_make_tmp("test-pc-XXXXXX", NULL);
    g_autofree char *aml = g_strdup_printf("%s/%s.dat", dir, name);
    g_autofree char *dsl = g_strdup_printf("%s/%s.dsl", dir, name);
    g_autofree char *out = NULL, *err = NULL, *text = NULL;
    const char *argv[] = {iasl, "-d", aml, NULL};
    int status;

    if (iasl) {
        g_assert_true(g_file_set_contents(aml, (const char *)table,
                                          ld_le32(table + 4), NULL));
        g_assert_true(g_spawn_sync(dir, (char **)(uintptr_t)argv, NULL, 0, NULL,
                                   NULL, &out, &err, &status, NULL));
        g_assert_cmpint(status, ==, 0);
        g_assert_true(g_file_get_contents(dsl, &text, NULL, NULL));
        g_assert_null(strstr(text, "rror"));
        g_assert_null(strstr(text, "nvalid"));
        g_assert_null(strstr(text, "Incorrect checksum"));
        remove(dsl);
    }
    remove(aml);
    remove(dir);
}

static void check_table(const uint8_t *t, const char *signature)
{
    g_assert_nonnull(t);
    g_assert_cmpint(memcmp(t, signature, 4), ==, 0);
    g_assert_cmphex(sum(t, ld_le32(t + 4)), ==, 0);
    disassemble(t, signature);
}

static void test_acpi(void)
{
    static const char *const listed[] = {"FACP", "SSDT", "APIC", "HPET",
                                         "WAET"};
    Loaded l;
    Setup s;
    Vm *vm;
    const uint8_t *fadt;

    setup_init(&s);
    vm = build_good(&s);
    load_acpi(vm, &l);
    g_assert_cmphex(sum(l.rsdp, 20), ==, 0);
    g_assert_cmphex(sum(l.rsdp, 36), ==, 0);
    check_table(table_at(&l, ld_le32(l.rsdp + 16)), "RSDT");
    check_table(table_at(&l, ld_le32(l.rsdp + 24)), "XSDT");
    for (unsigned i = 0; i < G_N_ELEMENTS(listed); i++) {
        check_table(find_table(&l, listed[i]), listed[i]);
    }
    fadt = find_table(&l, "FACP");
    g_assert_cmpuint(ld_le32(fadt + 4), ==, 244);
    g_assert_cmphex(ld_le16(fadt + 46), ==, 9);     /* SCI */
    g_assert_cmphex(ld_le32(fadt + 48), ==, 0xb2);  /* SMI_CMD */
    g_assert_cmphex(ld_le32(fadt + 56), ==, 0x600); /* PM1a events */
    g_assert_cmphex(ld_le32(fadt + 76), ==, 0x608); /* PM timer */
    g_assert_cmphex(fadt[91], ==, 4);               /* its length */
    g_assert_cmphex(fadt[108], ==, 0x32);           /* century */
    g_assert_cmphex(ld_le64(fadt + 120), ==, 0xcf9);
    g_assert_cmphex(ld_le64(fadt + 212), ==, 0x608); /* X_PM_TMR */
    g_assert_cmphex(ld_le32(fadt + 36) % 64, ==, 0);
    check_table(table_at(&l, ld_le32(fadt + 40)), "DSDT");
    g_assert_cmphex(ld_le32(find_table(&l, "APIC") + 36), ==, 0xfee00000);
    g_free(l.rsdp);
    g_free(l.tables);
    end(vm);
}

/* --- SMBIOS --------------------------------------------------------------- */

static const uint8_t *next_structure(const uint8_t *p)
{
    p += p[1];
    while (p[0] || p[1]) {
        p++;
    }
    return p + 2;
}

static void test_smbios(void)
{
    static const uint8_t want[] = {1, 3, 4, 4, 16, 17, 19, 32, 127};
    static const MachineProp props[] = {{"product", "Thing"}};
    static const SmbiosSpec spec = {1, props, 1};
    g_autoptr(GByteArray) tables = g_byte_array_new();
    uint8_t anchor[31];
    const uint8_t *p;
    Setup s;

    setup_init(&s);
    s.cfg.smbios = &spec;
    s.cfg.smbios_count = 1;
    memcpy(s.cfg.uuid, "\x00\x11\x22\x33\x44\x55\x66\x77 89abcde", 16);
    smbios_tables(&s.cfg, 64 * MIB, 0, tables, anchor);
    g_assert_cmphex(sum(anchor, 31), ==, 0);
    g_assert_cmphex(sum(anchor + 16, 15), ==, 0);
    g_assert_cmpuint(ld_le16(anchor + 22), ==, tables->len);
    g_assert_cmpuint(ld_le16(anchor + 28), ==, sizeof(want));
    p = tables->data;
    for (unsigned i = 0; i < sizeof(want); i++) {
        g_assert_cmpuint(p[0], ==, want[i]);
        if (p[0] == 1) {
            g_assert_cmphex(ld_le32(p + 8), ==, 0x00112233);
            g_assert_cmphex(p[16], ==, ' ');
            g_assert_cmpstr((const char *)p + p[1] + 8, ==, "Thing");
        }
        if (p[0] == 17) {
            g_assert_cmpuint(p[1], ==, 0x28);
            g_assert_cmpuint(ld_le16(p + 12), ==, 64);
        }
        p = next_structure(p);
    }
    g_assert_true(p == tables->data + tables->len);
}

/* --- direct boot ---------------------------------------------------------- */

static void find_key(void *opaque, uint16_t key, const char *name, GBytes *data)
{
    struct {
        uint16_t key;
        GBytes *data;
    } *want = opaque;

    if (key == want->key && !name) {
        want->data = data;
    }
}

static const uint8_t *item(Vm *vm, uint16_t key, size_t *size)
{
    struct {
        uint16_t key;
        GBytes *data;
    } want = {key, NULL};

    fw_cfg_foreach(fw_cfg_of(vm), find_key, &want);
    g_assert_nonnull(want.data);
    return g_bytes_get_data(want.data, size);
}

static uint32_t item32(Vm *vm, uint16_t key)
{
    size_t size;

    return ld_le32(item(vm, key, &size));
}

static void check_rom(Vm *vm, const char *name)
{
    g_autofree char *line = g_strconcat("/rom@", name, NULL);
    size_t size;
    const uint8_t *rom = file(vm, name, &size);
    unsigned pnp = ld_le16(rom + 0x1a);

    g_assert_cmphex(ld_le16(rom), ==, 0xaa55);
    g_assert_cmpuint(rom[2] * 512u, ==, size);
    g_assert_cmphex(sum(rom, size), ==, 0);
    g_assert_cmpint(memcmp(rom + pnp, "$PnP", 4), ==, 0);
    g_assert_cmphex(sum(rom + pnp, 32), ==, 0);
    g_assert_cmpuint(ld_le16(rom + pnp + 26), <, size); /* BEV */
    g_assert_cmpstr((const char *)file(vm, "bootorder", &size), ==, line);
}

static void test_linux(void)
{
    g_autofree char *image = g_malloc0(0x4000);
    const uint8_t *setup;
    Setup s;
    size_t size;
    Vm *vm;

    image[0x1f1] = 3;
    st_le16(image + 0x1fe, 0xaa55);
    memcpy(image + 0x202, "HdrS", 4);
    st_le16(image + 0x206, 0x20f);
    image[0x211] = 1;
    st_le32(image + 0x22c, 0x7fffffff);
    st_le32(image + 0x238, 2047);
    memcpy(image + 0x800, "protected mode part", 19);
    setup_init(&s);
    s.files = (Files){image, 0x4000};
    s.cfg.kernel = "vmlinuz";
    s.cfg.initrd = "initrd.img";
    s.cfg.append = "console=ttyS0";
    vm = build_good(&s);
    setup = item(vm, FW_CFG_SETUP_DATA, &size);
    g_assert_cmpuint(size, ==, 0x800);
    g_assert_cmphex(setup[0x210], ==, 0xff);
    g_assert_cmphex((uint8_t)setup[0x211], ==, 0x81);
    g_assert_cmphex(ld_le32(setup + 0x228), ==,
                    item32(vm, FW_CFG_CMDLINE_ADDR));
    g_assert_cmphex(ld_le32(setup + 0x218), ==, item32(vm, FW_CFG_INITRD_ADDR));
    g_assert_cmpuint(ld_le32(setup + 0x21c), ==, 11);
    g_assert_cmphex(item32(vm, FW_CFG_INITRD_ADDR) % 4096, ==, 0);
    g_assert_cmpuint(item32(vm, FW_CFG_INITRD_ADDR) + 11, <=, 63 * MIB);
    g_assert_cmphex(item32(vm, FW_CFG_KERNEL_ADDR), ==, 0x100000);
    g_assert_cmpstr((const char *)item(vm, FW_CFG_KERNEL_DATA, &size), ==,
                    "protected mode part");
    g_assert_cmpuint(size, ==, 0x3800);
    g_assert_cmpstr((const char *)item(vm, FW_CFG_CMDLINE_DATA, &size), ==,
                    "console=ttyS0");
    check_rom(vm, "genroms/linuxboot.bin");
    end(vm);
}

/* An a.out-kludge kernel: 12 bytes of code, 4 of bss. */
static void test_multiboot(void)
{
    g_autofree char *image = g_malloc0(64);
    const uint8_t *info, *high;
    uint32_t base;
    Setup s;
    size_t size;
    Vm *vm;

    st_le32(image + 16, 0x1badb002);
    st_le32(image + 20, 0x10000);
    st_le32(image + 24, (uint32_t) - (0x1badb002 + 0x10000));
    st_le32(image + 28, 0x200010); /* header */
    st_le32(image + 32, 0x200000);
    st_le32(image + 36, 0x200040);
    st_le32(image + 40, 0x200050);
    st_le32(image + 44, 0x200030);
    setup_init(&s);
    s.files = (Files){image, 64};
    s.cfg.kernel = "k";
    s.cfg.initrd = "mod one,mod2";
    vm = build_good(&s);
    g_assert_cmphex(item32(vm, FW_CFG_KERNEL_ADDR), ==, 0x200000);
    g_assert_cmphex(item32(vm, FW_CFG_KERNEL_SIZE), ==, 0x50);
    g_assert_cmphex(item32(vm, FW_CFG_KERNEL_ENTRY), ==, 0x200030);
    info = item(vm, FW_CFG_SETUP_DATA, &size);
    high = item(vm, FW_CFG_INITRD_DATA, &size);
    base = item32(vm, FW_CFG_INITRD_ADDR);
    g_assert_cmphex(base, ==, 0x201000);
    g_assert_cmphex(ld_le32(info) & 0x20d, ==, 0x20d);
    g_assert_cmpuint(ld_le32(info + 20), ==, 2);
    g_assert_cmpuint(ld_le32(high + 4) - ld_le32(high), ==, 11);
    g_assert_cmphex(ld_le32(high + 16) % 4096, ==, 0);
    g_assert_cmpint(
        memcmp(high + (ld_le32(high + 16) - base), "module data", 11), ==, 0);
    g_assert_cmpstr((const char *)high + (ld_le32(high + 8) - base), ==,
                    "mod one");
    g_assert_cmpstr((const char *)high + (ld_le32(info + 16) - base), ==, "k");
    check_rom(vm, "genroms/multiboot.bin");
    end(vm);
}

static void refuse(const Setup *s, const char *part)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(build(s, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, part));
}

static void test_refusals(void)
{
    static const DeviceSpec spec = {"no-such-thing", NULL, NULL, 0};
    g_autoptr(GError) error = NULL;
    char junk[1024] = {0};
    Setup s;

    g_assert_null(machine_find("pcc", &error));
    g_assert_nonnull(strstr(error->message, "did you mean 'pc'"));
    g_assert_true(machine_find("pc-i440fx-9.1", NULL) == &pc_machine);
    g_assert_null(machine_find("pc-i440fx-", NULL));
    setup_init(&s);
    s.files = (Files){junk, sizeof(junk)};
    s.cfg.kernel = "junk.bin";
    refuse(&s, "-kernel junk.bin");
    setup_init(&s);
    s.cfg.append = "x";
    refuse(&s, "-append");
    setup_init(&s);
    s.cfg.cpus = 0;
    refuse(&s, "-smp");
    setup_init(&s);
    s.cfg.devices = &spec;
    s.cfg.device_count = 1;
    refuse(&s, "no-such-thing");
    setup_init(&s);
    s.cfg.cpu = "no-such-cpu";
    refuse(&s, "no-such-cpu");
}

static void test_powerdown(void)
{
    Setup s;
    Vm *vm;

    setup_init(&s);
    vm = build_good(&s);
    mem_io_write(vm->io, 0xcf8, 0x80000b40, 4);
    mem_io_write(vm->io, 0xcfc, 0x601, 4);
    mem_io_write(vm->io, 0xcf8, 0x80000b80, 4);
    mem_io_write(vm->io, 0xcfc, 1, 1);
    machine_powerdown(vm);
    g_assert_cmphex(mem_io_read(vm->io, 0x600, 2) & 0x100, ==, 0x100);
    machine_nmi(vm);
    end(vm);
}

static void collect(void *opaque, const MachineBlob *blob)
{
    g_string_append_printf(opaque, "%s:%d ", blob->name, (int)blob->kind);
}

static void test_blobs(void)
{
    g_autoptr(GString) names = g_string_new(NULL);
    Setup s;
    Vm *vm;

    setup_init(&s);
    vm = build_good(&s);
    machine_blob_foreach(vm, collect, names);
    g_assert_cmpstr(names->str, ==,
                    "bios:0 etc/acpi/rsdp:0 etc/acpi/tables:0 "
                    "etc/table-loader:0 etc/smbios/smbios-tables:0 "
                    "etc/smbios/smbios-anchor:0 ");
    end(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pc/map", test_map);
    g_test_add_func("/pc/same", test_same);
    g_test_add_func("/pc/acpi", test_acpi);
    g_test_add_func("/pc/smbios", test_smbios);
    g_test_add_func("/pc/linux", test_linux);
    g_test_add_func("/pc/multiboot", test_multiboot);
    g_test_add_func("/pc/refusals", test_refusals);
    g_test_add_func("/pc/powerdown", test_powerdown);
    g_test_add_func("/pc/blobs", test_blobs);
    return g_test_run();
}

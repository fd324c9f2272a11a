/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS 2.8 structures 1, 3, 4, 16, 17, 19, 32 and 127; 2 and 11 when they
 * are asked for; type 0 comes from the BIOS unless -smbios type=0 is given.
 * Source: DMTF DSP0134 2.8.0, chapter 7.
 */
#include "hw/smbios.h"

#include <string.h>

#include "core/bytes.h"
#include "hw/fw_cfg.h"

#define MIB 0x100000ull
#define GIB (1024 * MIB)
#define DIMM_MAX (16 * GIB)
#define ANCHOR_BYTES 31
#define NO_HANDLE 0xfffeu

/* One structure while it is put together: formatted part, then strings. */
typedef struct SmbItem {
    GByteArray *data;    /* owned */
    GByteArray *strings; /* owned */
    unsigned count;      /* strings so far */
} SmbItem;

typedef struct Smbios {
    GByteArray *out; /* borrowed: from the caller */
    unsigned structures, largest;
    const MachineConfig *cfg;
    const GPtrArray *files; /* borrowed: GBytes *, structures of the user */
} Smbios;

/* What -smbios can say; 2.8.0 chapter 7 has the meanings. */
typedef struct SmbiosFields {
    unsigned type;
    const char *const names[8];
} SmbiosFields;

/* clang-format off */
static const SmbiosFields smbios_fields[] = {
    {0,  {"vendor", "version", "date", "release", "uefi"}},
    {1,  {"manufacturer", "product", "version", "serial", "uuid", "sku", "family"}},
    {2,  {"manufacturer", "product", "version", "serial", "asset", "location"}},
    {3,  {"manufacturer", "version", "serial", "asset", "sku"}},
    {4,  {"manufacturer", "version", "serial", "asset", "part"}},
    {11, {"value"}},
    {17, {"manufacturer", "serial", "asset", "part"}},
};
/* clang-format on */

static void put(SmbItem *s, uint64_t v, unsigned size)
{
    uint8_t le[8];

    st_le64(le, v);
    g_byte_array_append(s->data, le, size);
}

/* A string's number in its structure; none for an empty one. */
static void put_text(SmbItem *s, const char *text)
{
    if (!text || !*text) {
        put(s, 0, 1);
        return;
    }
    g_byte_array_append(s->strings, (const uint8_t *)text,
                        (guint)strlen(text) + 1);
    put(s, ++s->count, 1);
}

static void begin(SmbItem *s, unsigned type, unsigned handle)
{
    *s = (SmbItem){g_byte_array_new(), g_byte_array_new(), 0};
    put(s, type, 1);
    put(s, 0, 1);
    put(s, handle, 2);
}

static void end(Smbios *b, SmbItem *s)
{
    static const uint8_t zeroes[2];
    unsigned size;

    s->data->data[1] = (uint8_t)s->data->len;
    g_byte_array_append(s->strings, zeroes, s->count ? 1 : 2);
    size = s->data->len + s->strings->len;
    g_byte_array_append(b->out, s->data->data, s->data->len);
    g_byte_array_append(b->out, s->strings->data, s->strings->len);
    g_byte_array_free(s->data, TRUE);
    g_byte_array_free(s->strings, TRUE);
    b->structures++;
    b->largest = MAX(b->largest, size);
}

/* What -smbios says; the last of several wins. */
static const char *field(const Smbios *b, unsigned type, const char *name,
                         const char *otherwise)
{
    const char *value = otherwise;

    for (unsigned i = 0; i < b->cfg->smbios_count; i++) {
        const SmbiosSpec *s = &b->cfg->smbios[i];

        for (unsigned j = 0; s->type == type && !s->file && j < s->prop_count;
             j++) {
            if (g_str_equal(s->props[j].name, name)) {
                value = s->props[j].value;
            }
        }
    }
    return value;
}

static bool has_type(const Smbios *b, unsigned type)
{
    for (unsigned i = 0; i < b->cfg->smbios_count; i++) {
        if (b->cfg->smbios[i].type == type && !b->cfg->smbios[i].file) {
            return true;
        }
    }
    return false;
}

/* "major.minor", 255 for what is not given */
static void put_release(SmbItem *s, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ".", 2);

    for (unsigned i = 0; i < 2; i++) {
        guint64 n = 255;

        if (g_strv_length(parts) == 2) {
            g_ascii_string_to_unsigned(parts[i], 10, 0, 255, &n, NULL);
        }
        put(s, n, 1);
    }
}

static void put_bios(Smbios *b) /* 7.1 */
{
    bool uefi = g_str_equal(field(b, 0, "uefi", "off"), "on");
    SmbItem s;

    begin(&s, 0, 0x000);
    put_text(&s, field(b, 0, "vendor", "Reprise"));
    put_text(&s, field(b, 0, "version", "0"));
    put(&s, 0xe800, 2);
    put_text(&s, field(b, 0, "date", "04/01/2014"));
    put(&s, 0, 1);    /* 64 KiB ROM */
    put(&s, 0x08, 8); /* characteristics are not given */
    /* virtual machine, targeted content, UEFI */
    put(&s, uefi ? 0x1c00 : 0x1400, 2);
    put_release(&s, field(b, 0, "release", "0.0"));
    put(&s, 0xffff, 2); /* no embedded controller */
    end(b, &s);
}

static int hex(char c)
{
    return g_ascii_xdigit_value(c);
}

/* "xxxxxxxx-xxxx-..." of -smbios type=1,uuid=; false: not one */
static bool parse_uuid(const char *text, uint8_t out[16])
{
    unsigned n = 0;

    while (*text && n < 16) {
        if (*text == '-') {
            text++;
        } else if (hex(text[0]) < 0 || hex(text[1]) < 0) {
            return false;
        } else {
            out[n++] = (uint8_t)(hex(text[0]) << 4 | hex(text[1]));
            text += 2;
        }
    }
    return n == 16 && !*text;
}

/* 7.2.1: the first three fields are little-endian. */
static void put_uuid(SmbItem *s, const uint8_t u[16])
{
    put(s, ld_be32(u), 4);
    put(s, ld_be16(u + 4), 2);
    put(s, ld_be16(u + 6), 2);
    g_byte_array_append(s->data, u + 8, 8);
}

static void put_system(Smbios *b) /* 7.2 */
{
    const char *text = field(b, 1, "uuid", NULL);
    uint8_t uuid[16];
    SmbItem s;

    if (!text || !parse_uuid(text, uuid)) {
        memcpy(uuid, b->cfg->uuid, sizeof(uuid));
    }
    begin(&s, 1, 0x100);
    put_text(&s, field(b, 1, "manufacturer", "Reprise"));
    put_text(&s, field(b, 1, "product", "Standard PC (i440FX + PIIX, 1996)"));
    put_text(&s, field(b, 1, "version", b->cfg->machine));
    put_text(&s, field(b, 1, "serial", NULL));
    put_uuid(&s, uuid);
    put(&s, 0x06, 1); /* power switch */
    put_text(&s, field(b, 1, "sku", NULL));
    put_text(&s, field(b, 1, "family", NULL));
    end(b, &s);
}

static void put_chassis(Smbios *b) /* 7.4 */
{
    SmbItem s;

    begin(&s, 3, 0x300);
    put_text(&s, field(b, 3, "manufacturer", "Reprise"));
    put(&s, 0x01, 1); /* other */
    put_text(&s, field(b, 3, "version", b->cfg->machine));
    put_text(&s, field(b, 3, "serial", NULL));
    put_text(&s, field(b, 3, "asset", NULL));
    put(&s, 0x03, 1); /* boot-up, power supply, thermal: safe */
    put(&s, 0x03, 1);
    put(&s, 0x03, 1);
    put(&s, 0x02, 1); /* security unknown */
    put(&s, 0, 4);
    put(&s, 0, 1); /* height, cords, elements */
    put(&s, 0, 1);
    put(&s, 0, 1);
    put(&s, 0, 1);
    put_text(&s, field(b, 3, "sku", NULL));
    end(b, &s);
}

static void put_processor(Smbios *b, unsigned i, unsigned cores,
                          unsigned threads) /* 7.5 */
{
    g_autofree char *socket = g_strdup_printf("CPU %u", i);
    SmbItem s;

    begin(&s, 4, 0x400 + i);
    put_text(&s, socket);
    put(&s, 0x03, 1); /* central processor */
    put(&s, 0x01, 1); /* family: other */
    put_text(&s, field(b, 4, "manufacturer", "Reprise"));
    put(&s, 0, 8); /* id */
    put_text(&s, field(b, 4, "version", b->cfg->machine));
    put(&s, 0, 1); /* voltage */
    put(&s, 0, 2); /* external clock */
    put(&s, 2000, 2);
    put(&s, 2000, 2);
    put(&s, 0x41, 1);   /* present and enabled */
    put(&s, 0x01, 1);   /* upgrade: other */
    put(&s, 0xffff, 2); /* no caches */
    put(&s, 0xffff, 2);
    put(&s, 0xffff, 2);
    put_text(&s, field(b, 4, "serial", NULL));
    put_text(&s, field(b, 4, "asset", NULL));
    put_text(&s, field(b, 4, "part", NULL));
    put(&s, cores, 1);
    put(&s, cores, 1);
    put(&s, cores * threads, 1);
    put(&s, 0x02, 2); /* characteristics unknown */
    put(&s, 0x01, 2); /* family 2 */
    end(b, &s);
}

static void put_memory_array(Smbios *b, uint64_t ram, unsigned dimms) /* 7.17 */
{
    SmbItem s;
    uint64_t kib = ram / 1024;

    begin(&s, 16, 0x1000);
    put(&s, 0x01, 1); /* other */
    put(&s, 0x03, 1); /* system memory */
    put(&s, 0x06, 1); /* multi-bit ECC */
    put(&s, kib < 0x80000000 ? kib : 0x80000000, 4);
    put(&s, NO_HANDLE, 2);
    put(&s, dimms, 2);
    put(&s, kib < 0x80000000 ? 0 : ram, 8);
    end(b, &s);
}

static void put_dimm(Smbios *b, unsigned i, uint64_t size) /* 7.18 */
{
    g_autofree char *locator = g_strdup_printf("DIMM %u", i);
    uint64_t mib = size / MIB;
    SmbItem s;

    begin(&s, 17, 0x1100 + i);
    put(&s, 0x1000, 2);
    put(&s, NO_HANDLE, 2);
    put(&s, 0xffff, 2); /* widths unknown */
    put(&s, 0xffff, 2);
    put(&s, mib < 0x7fff ? mib : 0x7fff, 2);
    put(&s, 0x09, 1); /* DIMM */
    put(&s, 0, 1);
    put_text(&s, locator);
    put_text(&s, NULL);
    put(&s, 0x07, 1); /* RAM */
    put(&s, 0x02, 2);
    put(&s, 0, 2); /* speed unknown */
    put_text(&s, field(b, 17, "manufacturer", "Reprise"));
    put_text(&s, field(b, 17, "serial", NULL));
    put_text(&s, field(b, 17, "asset", NULL));
    put_text(&s, field(b, 17, "part", NULL));
    put(&s, 0, 1);
    put(&s, mib < 0x7fff ? 0 : mib, 4);
    put(&s, 0, 2);
    put(&s, 0, 2); /* voltages */
    put(&s, 0, 2);
    put(&s, 0, 2);
    end(b, &s);
}

static void put_mapped(Smbios *b, unsigned i, uint64_t start,
                       uint64_t size) /* 7.20 */
{
    bool large = (start + size) / 1024 > UINT32_MAX;
    SmbItem s;

    begin(&s, 19, 0x1300 + i);
    put(&s, large ? UINT32_MAX : start / 1024, 4);
    put(&s, large ? UINT32_MAX : (start + size) / 1024 - 1, 4);
    put(&s, 0x1000, 2);
    put(&s, 1, 1);
    put(&s, large ? start : 0, 8);
    put(&s, large ? start + size - 1 : 0, 8);
    end(b, &s);
}

static void put_tail(Smbios *b)
{
    SmbItem s;

    begin(&s, 32, 0x2000); /* 7.33: no errors */
    put(&s, 0, 6);
    put(&s, 0, 1);
    end(b, &s);
    begin(&s, 127, 0x7f00);
    end(b, &s);
}

static void put_memory(Smbios *b, uint64_t below_4g, uint64_t above_4g)
{
    uint64_t ram = below_4g + above_4g;
    unsigned dimms = (unsigned)((ram + DIMM_MAX - 1) / DIMM_MAX);

    put_memory_array(b, ram, dimms);
    for (unsigned i = 0; i < dimms; i++) {
        put_dimm(b, i, MIN(ram - i * DIMM_MAX, DIMM_MAX));
    }
    put_mapped(b, 0, 0, below_4g);
    if (above_4g > 0) {
        put_mapped(b, 1, 4 * GIB, above_4g);
    }
}

static uint8_t minus_sum(const uint8_t *p, size_t size)
{
    uint8_t sum = 0;

    while (size--) {
        sum = (uint8_t)(sum + *p++);
    }
    return (uint8_t)(0 - sum);
}

/* 7.3 */
static void put_board(Smbios *b)
{
    SmbItem s;

    begin(&s, 2, 0x200);
    put_text(&s, field(b, 2, "manufacturer", "Reprise"));
    put_text(&s, field(b, 2, "product", NULL));
    put_text(&s, field(b, 2, "version", b->cfg->machine));
    put_text(&s, field(b, 2, "serial", NULL));
    put_text(&s, field(b, 2, "asset", NULL));
    put(&s, 0x01, 1); /* hosting board */
    put_text(&s, field(b, 2, "location", NULL));
    put(&s, 0x300, 2); /* chassis */
    put(&s, 0x0a, 1);  /* motherboard */
    put(&s, 0, 1);
    end(b, &s);
}

/* 7.12: each value= is a string */
static void put_oem_strings(Smbios *b)
{
    const MachineConfig *cfg = b->cfg;
    SmbItem s;

    begin(&s, 11, 0xe00);
    put(&s, 0, 1);
    for (unsigned i = 0; i < cfg->smbios_count; i++) {
        const SmbiosSpec *spec = &cfg->smbios[i];

        for (unsigned j = 0; spec->type == 11 && !spec->file
                             && j < spec->prop_count && s.count < 255;
             j++) {
            const char *text = spec->props[j].value;

            g_byte_array_append(s.strings, (const uint8_t *)text,
                                (guint)strlen(text) + 1);
            s.count++;
        }
    }
    s.data->data[4] = (uint8_t)s.count;
    end(b, &s);
}

static void put_files(Smbios *b)
{
    for (guint i = 0; b->files && i < b->files->len; i++) {
        size_t size;
        const uint8_t *p =
            g_bytes_get_data(g_ptr_array_index(b->files, i), &size);

        g_byte_array_append(b->out, p, (guint)size);
        b->structures++;
        b->largest = MAX(b->largest, (unsigned)size);
    }
}

/* The user's structure stands for ours of the same type. */
static bool from_file(const Smbios *b, unsigned type)
{
    for (guint i = 0; b->files && i < b->files->len; i++) {
        const uint8_t *p =
            g_bytes_get_data(g_ptr_array_index(b->files, i), NULL);

        if (p[0] == type) {
            return true;
        }
    }
    return false;
}

/* 5.2.1; the BIOS puts the address in and corrects the checksums. */
static void make_anchor(const Smbios *b, uint8_t a[ANCHOR_BYTES])
{
    memset(a, 0, ANCHOR_BYTES);
    memcpy(a, "_SM_", 4);
    a[5] = ANCHOR_BYTES;
    a[6] = 2;
    a[7] = 8;
    st_le16(a + 8, (uint16_t)b->largest);
    memcpy(a + 16, "_DMI_", 5);
    st_le16(a + 22, (uint16_t)b->out->len);
    st_le16(a + 28, (uint16_t)b->structures);
    a[30] = 0x28;
    a[21] = minus_sum(a + 16, 15);
    a[4] = minus_sum(a, ANCHOR_BYTES);
}

static void make_tables(Smbios *b, uint64_t below_4g, uint64_t above_4g,
                        uint8_t anchor[31])
{
    const MachineConfig *cfg = b->cfg;
    unsigned cores = MAX(cfg->cores, 1u) * MAX(cfg->dies, 1u);
    unsigned threads = MAX(cfg->threads, 1u);
    unsigned sockets = (cfg->cpus + cores * threads - 1) / (cores * threads);

    if (has_type(b, 0)) {
        put_bios(b);
    }
    if (!from_file(b, 1)) {
        put_system(b);
    }
    if (has_type(b, 2)) {
        put_board(b);
    }
    if (!from_file(b, 3)) {
        put_chassis(b);
    }
    for (unsigned i = 0; i < sockets && !from_file(b, 4); i++) {
        put_processor(b, i, cores, threads);
    }
    if (has_type(b, 11)) {
        put_oem_strings(b);
    }
    put_memory(b, below_4g, above_4g);
    put_files(b);
    put_tail(b);
    make_anchor(b, anchor);
}

void smbios_tables(const MachineConfig *cfg, uint64_t below_4g,
                   uint64_t above_4g, GByteArray *tables, uint8_t anchor[31])
{
    Smbios b = {.out = tables, .cfg = cfg};

    make_tables(&b, below_4g, above_4g, anchor);
}

/* -smbios type=N,...: is each field one that goes into a table? */
static bool check_spec(const SmbiosSpec *s, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(smbios_fields); i++) {
        const SmbiosFields *f = &smbios_fields[i];

        for (unsigned j = 0; f->type == s->type && j < s->prop_count; j++) {
            const char *name = s->props[j].name;
            const char *near = nearest_match(name, f->names);

            if (!g_strv_contains(f->names, name)) {
                return fail(error, "-smbios type=%u: no field '%s'%s%s",
                            s->type, name, near ? ", did you mean " : "",
                            near ? near : "");
            }
        }
        if (f->type == s->type) {
            return true;
        }
    }
    return fail(error, "-smbios type=%u: only 0, 1, 2, 3, 4, 11 and 17 so far",
                s->type);
}

/* -smbios file=: header, formatted area, strings, two zero bytes (6.1). */
static bool check_file(GBytes *file, GError **error)
{
    size_t size, at;
    const uint8_t *p = g_bytes_get_data(file, &size);

    if (size < 6 || size > UINT16_MAX || p[1] < 4 || p[1] > size - 2) {
        return fail(error, "not an SMBIOS structure");
    }
    for (at = p[1]; p[at] || p[at + 1]; at++) {
        if (at + 2 >= size) {
            return fail(error, "the strings have no end");
        }
    }
    return at + 2 == size
           || fail(error, "more than one structure, or rubbish behind it");
}

static bool load_files(Vm *vm, const MachineConfig *cfg, GPtrArray *out,
                       GError **error)
{
    for (unsigned i = 0; i < cfg->smbios_count; i++) {
        const char *path = cfg->smbios[i].file;
        g_autofree char *name = g_strdup_printf("smbios-file%u", i);
        GBytes *file;

        if (!path) {
            if (!check_spec(&cfg->smbios[i], error)) {
                return false;
            }
            continue;
        }
        file = machine_blob_load(vm, cfg, name, BLOB_FIRMWARE, path, error);
        if (!file) {
            return false;
        }
        g_ptr_array_add(out, file);
        if (!check_file(file, error)) {
            return fail_prefix(error, "-smbios file=%s", path);
        }
    }
    return true;
}

bool smbios_build(Device *fw_cfg, const MachineConfig *cfg, uint64_t below_4g,
                  uint64_t above_4g, GError **error)
{
    g_autoptr(GByteArray) tables = g_byte_array_new();
    g_autoptr(GPtrArray) files =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GBytes) table_blob = NULL, anchor_blob = NULL;
    Smbios b = {.out = tables, .cfg = cfg, .files = files};
    uint8_t anchor[ANCHOR_BYTES];

    if (!load_files(fw_cfg->vm, cfg, files, error)) {
        return false;
    }
    make_tables(&b, below_4g, above_4g, anchor);
    table_blob = machine_blob_made(fw_cfg->vm, cfg, "etc/smbios/smbios-tables",
                                   tables->data, tables->len);
    anchor_blob = machine_blob_made(fw_cfg->vm, cfg, "etc/smbios/smbios-anchor",
                                    anchor, sizeof(anchor));
    return fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-tables", table_blob,
                           error)
           && fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-anchor", anchor_blob,
                              error);
}

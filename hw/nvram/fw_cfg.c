/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware configuration device. Source: the published interface
 * description "QEMU Firmware Configuration (fw_cfg) Device".
 * Not modelled: writable items (a DMA write ends in an error).
 */
#include "hw/fw_cfg.h"

#include "core/bytes.h"
#include "core/vm.h"

#define PORT_SELECT 0x510
#define PORT_DMA 0x514
#define ID_TRADITIONAL 1u
#define ID_DMA 2u
#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */
#define DMA_ERROR 0x01u
#define DMA_READ 0x02u
#define DMA_SKIP 0x04u
#define DMA_SELECT 0x08u
#define DMA_WRITE 0x10u
#define DMA_BLOCK_BYTES 16
#define DMA_CHUNK 4096
#define DIR_ENTRY_BYTES 64

typedef struct FwCfgItem {
    uint16_t key;
    char *name;   /* owned; NULL: no file */
    GBytes *data; /* owned */
} FwCfgItem;

typedef struct FwCfg {
    Device dev; /* first */
    uint16_t key;
    uint32_t pos;
    uint64_t dma_addr;
    GArray *items; /* owned: FwCfgItem, ascending keys once finished */
    bool finished;
} FwCfg;

/* clang-format off */
static const StateField fw_cfg_state[] = {
    STATE(FwCfg, key, .doc = "item selected"),
    STATE(FwCfg, pos, .doc = "next byte of it"),
    STATE(FwCfg, dma_addr, .doc = "upper half, until the lower is written"),
    WIRE(FwCfg, items), WIRE(FwCfg, finished),
    STATE_END,
};
/* clang-format on */

/* --- contents ------------------------------------------------------------- */

static FwCfgItem *item_at(const FwCfg *f, guint i)
{
    return &g_array_index(f->items, FwCfgItem, i);
}

static FwCfgItem *find_key(const FwCfg *f, uint16_t key)
{
    for (guint i = 0; i < f->items->len; i++) {
        if (item_at(f, i)->key == key) {
            return item_at(f, i);
        }
    }
    return NULL;
}

static FwCfgItem *find_name(const FwCfg *f, const char *name)
{
    for (guint i = 0; i < f->items->len; i++) {
        const char *have = item_at(f, i)->name;

        if (have && g_str_equal(have, name)) {
            return item_at(f, i);
        }
    }
    return NULL;
}

void fw_cfg_add_blob(Device *fw, uint16_t key, GBytes *data)
{
    FwCfg *f = (FwCfg *)fw;
    FwCfgItem item = {.key = key, .data = g_bytes_ref(data)};
    FwCfgItem *old = find_key(f, key);

    g_assert(!f->finished);
    if (old) {
        g_bytes_unref(old->data);
        old->data = item.data;
        return;
    }
    g_array_append_val(f->items, item);
}

void fw_cfg_add_bytes(Device *fw, uint16_t key, const void *data, size_t size)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);

    fw_cfg_add_blob(fw, key, bytes);
}

void fw_cfg_add_u16(Device *fw, uint16_t key, uint16_t v)
{
    uint8_t b[2];

    st_le16(b, v);
    fw_cfg_add_bytes(fw, key, b, sizeof(b));
}

void fw_cfg_add_u32(Device *fw, uint16_t key, uint32_t v)
{
    uint8_t b[4];

    st_le32(b, v);
    fw_cfg_add_bytes(fw, key, b, sizeof(b));
}

void fw_cfg_add_u64(Device *fw, uint16_t key, uint64_t v)
{
    uint8_t b[8];

    st_le64(b, v);
    fw_cfg_add_bytes(fw, key, b, sizeof(b));
}

bool fw_cfg_add_file(Device *fw, const char *name, GBytes *data, GError **error)
{
    FwCfg *f = (FwCfg *)fw;
    FwCfgItem item = {.key = FW_CFG_FILE_FIRST};

    g_assert(!f->finished);
    if (strlen(name) == 0 || strlen(name) >= FW_CFG_NAME_BYTES) {
        return fail(error, "fw_cfg file '%s': the name must have 1 to %d bytes",
                    name, FW_CFG_NAME_BYTES - 1);
    }
    if (find_name(f, name)) {
        return fail(error, "fw_cfg file '%s': there is one already", name);
    }
    if (f->items->len >= FW_CFG_FILES_MAX) {
        return fail(error, "fw_cfg file '%s': more than %d items", name,
                    FW_CFG_FILES_MAX);
    }
    if (g_bytes_get_size(data) > UINT32_MAX) {
        return fail(error, "fw_cfg file '%s': 4 GiB or larger", name);
    }
    item.name = g_strdup(name);
    item.data = g_bytes_ref(data);
    g_array_append_val(f->items, item);
    return true;
}

static gint compare_items(gconstpointer a, gconstpointer b)
{
    const FwCfgItem *x = a, *y = b;

    if (x->name && y->name) {
        return strcmp(x->name, y->name);
    }
    return (x->key > y->key) - (x->key < y->key);
}

/* Keys without a name lie below or far above those of the files. */
void fw_cfg_finish(Device *fw)
{
    FwCfg *f = (FwCfg *)fw;
    g_autoptr(GByteArray) dir = g_byte_array_new();
    uint16_t key = FW_CFG_FILE_FIRST;
    uint8_t count[4];

    g_array_sort(f->items, compare_items);
    g_byte_array_append(dir, count, sizeof(count));
    for (guint i = 0; i < f->items->len; i++) {
        FwCfgItem *item = item_at(f, i);
        uint8_t entry[DIR_ENTRY_BYTES] = {0};

        if (!item->name) {
            continue;
        }
        item->key = key++;
        st_be32(entry, (uint32_t)g_bytes_get_size(item->data));
        st_be16(entry + 4, item->key);
        g_strlcpy((char *)entry + 8, item->name, FW_CFG_NAME_BYTES);
        g_byte_array_append(dir, entry, sizeof(entry));
    }
    st_be32(dir->data, key - FW_CFG_FILE_FIRST);
    fw_cfg_add_bytes(fw, FW_CFG_FILE_DIR, dir->data, dir->len);
    g_array_sort(f->items, compare_items);
    f->finished = true;
}

GBytes *fw_cfg_find(Device *fw, const char *name)
{
    FwCfgItem *item = find_name((FwCfg *)fw, name);

    return item ? item->data : NULL;
}

void fw_cfg_foreach(Device *fw, FwCfgVisit *visit, void *opaque)
{
    FwCfg *f = (FwCfg *)fw;

    for (guint i = 0; i < f->items->len; i++) {
        visit(opaque, item_at(f, i)->key, item_at(f, i)->name,
              item_at(f, i)->data);
    }
}

/* --- reading -------------------------------------------------------------- */

/* What is left of the selected item; NULL: nothing. */
static const uint8_t *rest(const FwCfg *f, size_t *size)
{
    const FwCfgItem *item = find_key(f, f->key);
    const uint8_t *data = item ? g_bytes_get_data(item->data, size) : NULL;

    if (!data || f->pos >= *size) {
        *size = 0;
        return NULL;
    }
    *size -= f->pos;
    return data + f->pos;
}

static void select_key(FwCfg *f, uint16_t key)
{
    f->key = key;
    f->pos = 0;
}

static void skip(FwCfg *f, uint32_t n)
{
    f->pos = n > UINT32_MAX - f->pos ? UINT32_MAX : f->pos + n;
}

static uint64_t data_peek(Device *dev, uint64_t off, unsigned size)
{
    size_t left = 0;
    const uint8_t *p = rest((FwCfg *)dev, &left);

    return p ? *p : 0;
}

static uint64_t data_read(Device *dev, uint64_t off, unsigned size)
{
    FwCfg *f = (FwCfg *)dev;
    uint64_t v = data_peek(dev, off, 1);

    skip(f, 1);
    return v;
}

static void select_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    if (off == 0 && size == 2) {
        select_key((FwCfg *)dev, (uint16_t)v);
    }
}

static const MemOps select_ops = {
    .read = data_read,
    .write = select_write,
    .peek = data_peek,
    .max_size = 2,
};

/* --- DMA ------------------------------------------------------------------ */

static void fill_zeroes(Vm *vm, uint64_t at, uint32_t size)
{
    static const uint8_t zeroes[DMA_CHUNK];

    while (size > 0) {
        uint32_t n = MIN(size, DMA_CHUNK);

        dma_write(vm->mem, at, zeroes, n);
        at += n;
        size -= n;
    }
}

/* Bytes behind the end of an item read as zero. */
static void dma_copy(FwCfg *f, uint64_t at, uint32_t size)
{
    size_t left = 0;
    const uint8_t *p = rest(f, &left);
    uint32_t n = (uint32_t)MIN(left, size);

    if (n > 0) {
        dma_write(f->dev.vm->mem, at, p, n);
    }
    fill_zeroes(f->dev.vm, at + n, size - n);
    skip(f, size);
}

/* A length the guest made up must not keep us busy for seconds: only what an
 * item holds, and some zeroes behind it, is copied. */
static bool dma_length_fine(const FwCfg *f, uint32_t size)
{
    size_t left = 0;

    rest(f, &left);
    return size <= left || size - left <= 0x1000000;
}

static void dma_run(FwCfg *f, uint64_t at)
{
    AddressSpace *mem = f->dev.vm->mem;
    uint8_t block[DMA_BLOCK_BYTES], result[4];
    uint32_t control, size, status = 0;
    uint64_t target;

    dma_read(mem, at, block, sizeof(block));
    control = ld_be32(block);
    size = ld_be32(block + 4);
    target = ld_be64(block + 8);
    if (control & DMA_SELECT) {
        select_key(f, (uint16_t)(control >> 16));
    }
    if (control & DMA_READ) {
        if (dma_length_fine(f, size)) {
            dma_copy(f, target, size);
        } else {
            guest_error(&f->dev, "DMA of %u bytes from item 0x%x", size,
                        f->key);
            status = DMA_ERROR;
        }
    } else if (control & DMA_WRITE) {
        status = DMA_ERROR;
    } else if (control & DMA_SKIP) {
        skip(f, size);
    }
    st_be32(result, status);
    dma_write(mem, at, result, sizeof(result));
}

static uint64_t dma_port_read(Device *dev, uint64_t off, unsigned size)
{
    return DMA_SIGNATURE >> (8 * (8 - off - size));
}

static void dma_port_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    FwCfg *f = (FwCfg *)dev;

    if (size == 8) {
        dma_run(f, v);
    } else if (size == 4 && off == 0) {
        f->dma_addr = v << 32;
    } else if (size == 4 && off == 4) {
        uint64_t at = f->dma_addr | v;

        f->dma_addr = 0;
        dma_run(f, at);
    }
}

static const MemOps dma_ops = {
    .read = dma_port_read,
    .write = dma_port_write,
    .peek = dma_port_read,
    .big_endian = true,
};

/* --- device --------------------------------------------------------------- */

static bool fw_cfg_realize(Device *dev, GError **error)
{
    Vm *vm = dev->vm;

    ((FwCfg *)dev)->items = g_array_new(FALSE, FALSE, sizeof(FwCfgItem));
    fw_cfg_add_bytes(dev, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(dev, FW_CFG_ID, ID_TRADITIONAL | ID_DMA);
    mem_add(vm->io_root, PORT_SELECT, mem_io(vm, "fw-cfg", dev, &select_ops, 2),
            0);
    mem_add(vm->io_root, PORT_DMA, mem_io(vm, "fw-cfg-dma", dev, &dma_ops, 8),
            0);
    return true;
}

static void fw_cfg_unrealize(Device *dev)
{
    FwCfg *f = (FwCfg *)dev;

    for (guint i = 0; i < f->items->len; i++) {
        g_free(item_at(f, i)->name);
        g_bytes_unref(item_at(f, i)->data);
    }
    g_array_free(f->items, TRUE);
}

const DeviceType fw_cfg_type = {
    .name = "fw_cfg_io",
    .size = sizeof(FwCfg),
    .state = fw_cfg_state,
    .doc = "firmware configuration",
    .realize = fw_cfg_realize,
    .unrealize = fw_cfg_unrealize,
};

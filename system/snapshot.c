/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a snapshot holds, in the stream of block/vmstate.h: a fixed head, then
 * one block of text and states (recording, clock, entropy, every device by the
 * names of its rows), then the pages of RAM and ROM that are not all zeroes.
 */
#include "system/snapshot.h"

#include <string.h>

#include "core/bytes.h"
#include "core/error.h"
#include "hw/machine.h"
#include "system/run_priv.h"

#define MAGIC 0x56504552u /* "REPV" */
#define FORMAT 1u
#define PAGES_END UINT32_MAX
#define HEAD_BYTES 16u
#define BLOCK_MAX (1u << 30)
#define NAME_MAX_BYTES 4096u
#define DEVICES_MAX 65536u
#define STATE_MARGIN (64u << 20)

typedef struct Head {
    uint8_t recording[REPLAY_ID_BYTES]; /* zeroes: none */
    uint64_t icount, sequence;
    uint64_t pages;
    char *machine; /* owned */
} Head;

static bool head_codec(Codec *c, Head *h)
{
    return codec_bytes(c, h->recording, sizeof(h->recording))
           && codec_u64(c, &h->icount) && codec_u64(c, &h->sequence)
           && codec_u64(c, &h->pages)
           && codec_str(c, &h->machine, NAME_MAX_BYTES);
}

/* --- saving -------------------------------------------------------------------- */

static void head_fill(Vm *vm, Head *h)
{
    *h = (Head){
        .icount = clock_icount(vm->clock),
        .sequence = replay_sequence(vm->replay),
        .pages = ram_page_count(vm->ram),
        .machine = g_strdup(machine_of(vm)->mtype->name),
    };
    replay_recording_id(vm->replay, h->recording);
}

static void pack_device(void *opaque, Device *dev)
{
    Codec *c = opaque;
    g_autoptr(GByteArray) state = g_byte_array_new();
    char *path = dev->path, *type = (char *)(uintptr_t)dev->type->name;
    uint32_t version = MAX(dev->type->version, 1);

    state_save(dev, state);
    codec_str(c, &path, NAME_MAX_BYTES);
    codec_str(c, &type, NAME_MAX_BYTES);
    codec_u32(c, &version);
    codec_blob(c, state, BLOCK_MAX);
}

static void count_device(void *opaque, Device *dev)
{
    ++*(uint32_t *)opaque;
}

static GByteArray *pack_machine(Vm *vm)
{
    GByteArray *out = g_byte_array_new();
    uint32_t count = 0;
    Head h;
    Codec c;

    head_fill(vm, &h);
    codec_init_write(&c, out);
    head_codec(&c, &h);
    clock_codec(vm->clock, &c);
    entropy_codec(vm->entropy, &c);
    devices_foreach(vm, count_device, &count);
    codec_size(&c, &count, DEVICES_MAX);
    devices_foreach(vm, pack_device, &c);
    g_assert(!c.failed);
    g_free(h.machine);
    return out;
}

static bool page_is_zero(const uint8_t *p)
{
    return p[0] == 0 && memcmp(p, p + 1, GUEST_PAGE_SIZE - 1) == 0;
}

void snapshot_put_page(VmSave *s, RamPage page, const uint8_t *content)
{
    uint8_t number[4];

    if (!page_is_zero(content)) {
        st_le32(number, page);
        vmstate_put(s, number, sizeof(number));
        vmstate_put(s, content, GUEST_PAGE_SIZE);
    }
}

void snapshot_put_end(VmSave *s)
{
    uint8_t number[4];

    st_le32(number, PAGES_END);
    vmstate_put(s, number, sizeof(number));
}

static void put_pages(Vm *vm, VmSave *s)
{
    for (RamPage page = 0; page < ram_page_count(vm->ram); page++) {
        snapshot_put_page(s, page, ram_page_host(vm->ram, page));
    }
    snapshot_put_end(s);
}

static BlockSnapshot save_info(Vm *vm, const char *name)
{
    int64_t now = g_get_real_time();

    return (BlockSnapshot){
        .name = g_strdup(name),
        .date_sec = now / G_USEC_PER_SEC,
        .date_nsec = (uint32_t)(now % G_USEC_PER_SEC * 1000),
        .vm_clock_ns = (uint64_t)MAX(vm_now(vm).ns, 0),
        .icount =
            replay_counts(vm->replay) ? clock_icount(vm->clock) : UINT64_MAX,
    };
}

/* Disks are frozen, and all but the pages is in the stream. */
static VmSave *save_begin(Vm *vm, const VmStatePlace *place, GError **error)
{
    uint64_t ram = ram_page_count(vm->ram) * (uint64_t)(GUEST_PAGE_SIZE + 8);
    g_autoptr(GByteArray) state = pack_machine(vm);
    uint8_t head[HEAD_BYTES];
    VmSave *s;

    if (!vmstate_begin(vm, place, ram + state->len + STATE_MARGIN, &s, error)) {
        return NULL;
    }
    st_le32(head, MAGIC);
    st_le32(head + 4, FORMAT);
    st_le64(head + 8, state->len);
    vmstate_put(s, head, sizeof(head));
    vmstate_put(s, state->data, state->len);
    return s;
}

static bool save_now(Vm *vm, const VmStatePlace *place, const char *name,
                     GError **error)
{
    BlockSnapshot info = save_info(vm, name);
    VmSave *s = save_begin(vm, place, error);
    bool ok = false;

    if (s) {
        put_pages(vm, s);
        ok = vmstate_finish(s, &info, error);
    }
    g_free(info.name);
    return ok;
}

/* The machine stands still meanwhile, and says so. */
static bool
while_stopped(Vm *vm, RunState why,
              bool (*fn)(Vm *, const VmStatePlace *, const char *, GError **),
              const VmStatePlace *place, const char *name, GError **error)
{
    bool running = control_ops(vm)->state(vm) == RUN_RUNNING;
    bool ok;

    if (running) {
        run_stop(vm, why);
    }
    ok = fn(vm, place, name, error);
    if (running && !run_of(vm)->quitting) {
        run_cont(vm, NULL);
    }
    return ok;
}

static bool save_start(Vm *vm, const VmStatePlace *place, const char *name,
                       SnapshotDone *done, void *opaque, GError **error)
{
    bool running = control_ops(vm)->state(vm) == RUN_RUNNING;
    BlockSnapshot info;
    VmSave *s;

    if (running) {
        run_stop(vm, RUN_SAVE_VM);
    }
    info = save_info(vm, name);
    s = save_begin(vm, place, error);
    if (s) {
        snapshot_writer_start(vm, s, &info, done, opaque);
    }
    g_free(info.name);
    if (running && !run_of(vm)->quitting) {
        run_cont(vm, NULL);
    }
    return s != NULL;
}

static bool save_possible(Vm *vm, GError **error)
{
    if (snapshot_writer_busy(vm)) {
        return fail(error, "a snapshot is being saved");
    }
    return !vm->requests
           || fail(error, "the machine is being reset or switched off");
}

bool snapshot_save(Vm *vm, const VmStatePlace *place, const char *name,
                   SnapshotDone *done, void *opaque, GError **error)
{
    if (!save_possible(vm, error)) {
        return false;
    }
    if (snapshot_writer_possible(vm)) {
        return save_start(vm, place, name, done, opaque, error);
    }
    if (!while_stopped(vm, RUN_SAVE_VM, save_now, place, name, error)) {
        return false;
    }
    done(vm, opaque, NULL);
    return true;
}

bool snapshot_delete(Vm *vm, const VmStatePlace *place, const char *name,
                     GError **error)
{
    return save_possible(vm, error) && vmstate_delete(vm, place, name, error);
}

/* --- loading ---------------------------------------------------------------------- */

typedef struct SavedDevice {
    char *path, *type; /* owned */
    uint32_t version;
    GByteArray *state; /* owned */
    Device *dev;       /* borrowed */
} SavedDevice;

typedef struct Loaded {
    Head head;
    GByteArray *bytes; /* owned */
    size_t clock_at;   /* of clock and entropy, in .bytes */
    GArray *devices;   /* owned: SavedDevice */
    GPtrArray *pages;  /* owned: content or NULL for zeroes */
} Loaded;

static void saved_device_clear(gpointer p)
{
    SavedDevice *d = p;

    g_free(d->path);
    g_free(d->type);
    g_byte_array_unref(d->state);
}

static void loaded_free(Loaded *l)
{
    g_free(l->head.machine);
    g_byte_array_unref(l->bytes);
    g_array_free(l->devices, TRUE);
    g_ptr_array_free(l->pages, TRUE);
    g_free(l);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Loaded, loaded_free)

static Loaded *loaded_new(void)
{
    Loaded *l = g_new0(Loaded, 1);

    l->bytes = g_byte_array_new();
    l->devices = g_array_new(FALSE, TRUE, sizeof(SavedDevice));
    g_array_set_clear_func(l->devices, saved_device_clear);
    l->pages = g_ptr_array_new_with_free_func(g_free);
    return l;
}

static bool read_block(VmLoad *from, Loaded *l, GError **error)
{
    uint8_t head[HEAD_BYTES];
    uint64_t size;

    if (!vmstate_get(from, head, sizeof(head)) || ld_le32(head) != MAGIC) {
        return fail(error,
                    "snapshot '%s' was not made by this program, or is "
                    "damaged",
                    vmstate_info(from)->name);
    }
    size = ld_le64(head + 8);
    if (ld_le32(head + 4) != FORMAT || size > BLOCK_MAX) {
        return fail(error, "snapshot '%s' has format %u, this program %u",
                    vmstate_info(from)->name, ld_le32(head + 4), FORMAT);
    }
    g_byte_array_set_size(l->bytes, (guint)size);
    return vmstate_get(from, l->bytes->data, size)
           || fail(error, "snapshot '%s' is damaged", vmstate_info(from)->name);
}

/* Clock and entropy are decoded again when everything else is known good. */
static bool read_devices(Vm *vm, Loaded *l, Codec *c)
{
    Clock *clock = clock_new();
    static const uint8_t seed[32];
    Entropy *entropy = entropy_new(seed);
    uint32_t count = 0;
    bool ok;

    l->clock_at = c->pos;
    ok = clock_codec(clock, c) && entropy_codec(entropy, c)
         && codec_size(c, &count, DEVICES_MAX);
    clock_free(clock);
    entropy_free(entropy);
    for (uint32_t i = 0; i < count && ok; i++) {
        SavedDevice d = {.state = g_byte_array_new()};

        ok = codec_str(c, &d.path, NAME_MAX_BYTES)
             && codec_str(c, &d.type, NAME_MAX_BYTES)
             && codec_u32(c, &d.version) && codec_blob(c, d.state, BLOCK_MAX);
        g_array_append_val(l->devices, d);
    }
    return ok && codec_left(c) == 0;
}

static void seek_missing(void *opaque, Device *dev)
{
    void **p = opaque;
    const Loaded *l = p[0];

    for (guint i = 0; i < l->devices->len; i++) {
        if (g_array_index(l->devices, SavedDevice, i).dev == dev) {
            return;
        }
    }
    g_string_append_printf(p[1], "\n  %s: not in the snapshot", dev->path);
}

/* The same devices, or a list of what differs. */
static bool match_devices(Vm *vm, Loaded *l, const char *name, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    void *seek[] = {l, out};

    if (strcmp(l->head.machine, machine_of(vm)->mtype->name) != 0) {
        g_string_append_printf(out, "\n  machine: saved %s, here %s",
                               l->head.machine, machine_of(vm)->mtype->name);
    }
    if (l->head.pages != ram_page_count(vm->ram)) {
        g_string_append_printf(
            out, "\n  memory: saved %" PRIu64 " KiB, here %" PRIu64 " KiB",
            l->head.pages * 4, (uint64_t)ram_page_count(vm->ram) * 4);
    }
    for (guint i = 0; i < l->devices->len; i++) {
        SavedDevice *d = &g_array_index(l->devices, SavedDevice, i);

        d->dev = device_find(vm, d->path);
        if (!d->dev) {
            g_string_append_printf(out, "\n  %s: not in this machine", d->path);
        } else if (strcmp(d->dev->type->name, d->type) != 0) {
            g_string_append_printf(out, "\n  %s: saved %s, here %s", d->path,
                                   d->type, d->dev->type->name);
        }
    }
    devices_foreach(vm, seek_missing, seek);
    return out->len == 0
           || fail(error, "snapshot '%s' is of another machine:%s", name,
                   out->str);
}

static bool read_pages(VmLoad *from, Loaded *l, GError **error)
{
    uint8_t number[4];

    g_ptr_array_set_size(l->pages, (gint)l->head.pages);
    for (;;) {
        uint32_t page;

        if (!vmstate_get(from, number, sizeof(number))) {
            break;
        }
        page = ld_le32(number);
        if (page == PAGES_END) {
            return true;
        }
        if (page >= l->pages->len || l->pages->pdata[page]) {
            break;
        }
        l->pages->pdata[page] = g_malloc(GUEST_PAGE_SIZE);
        if (!vmstate_get(from, l->pages->pdata[page], GUEST_PAGE_SIZE)) {
            break;
        }
    }
    return fail(error, "snapshot '%s' is damaged", vmstate_info(from)->name);
}

/* Everything is read and checked before anything of the machine changes. */
static Loaded *load_all(Vm *vm, VmLoad *from, bool head_only, GError **error)
{
    g_autoptr(Loaded) l = loaded_new();
    Codec c;

    if (!read_block(from, l, error)) {
        return NULL;
    }
    codec_init_read(&c, l->bytes->data, l->bytes->len);
    if (!head_codec(&c, &l->head)) {
        fail(error, "snapshot '%s' is damaged", vmstate_info(from)->name);
        return NULL;
    }
    if (head_only) {
        return g_steal_pointer(&l);
    }
    if (!read_devices(vm, l, &c)) {
        fail(error, "snapshot '%s' is damaged", vmstate_info(from)->name);
        return NULL;
    }
    if (!match_devices(vm, l, vmstate_info(from)->name, error)
        || !read_pages(from, l, error)) {
        return NULL;
    }
    return g_steal_pointer(&l);
}

static bool is_vcpu(const Vm *vm, const Device *dev)
{
    return g_ptr_array_find(vm->vcpus, dev, NULL);
}

/* vCPUs come last: what the others do to the memory map empties TLBs. */
static bool set_devices(Vm *vm, Loaded *l, bool vcpus, GError **error)
{
    for (guint i = 0; i < l->devices->len; i++) {
        SavedDevice *d = &g_array_index(l->devices, SavedDevice, i);

        if (is_vcpu(vm, d->dev) == vcpus
            && !state_load(d->dev, d->state->data, d->state->len, error)) {
            return false;
        }
    }
    return true;
}

static void set_pages(Vm *vm, const Loaded *l)
{
    static const uint8_t zeroes[GUEST_PAGE_SIZE];

    for (RamPage page = 0; page < l->pages->len; page++) {
        const uint8_t *content = l->pages->pdata[page];

        ram_dirty(vm, page);
        ram_rewind(vm, page, content ? content : zeroes);
    }
}

static bool set_machine(Vm *vm, Loaded *l, GError **error)
{
    Codec c;
    bool ok;

    codec_init_read(&c, l->bytes->data, l->bytes->len);
    c.pos = l->clock_at;
    vm->ram_told = true;
    mem_begin(vm);
    ok = clock_codec(vm->clock, &c) && entropy_codec(vm->entropy, &c);
    set_pages(vm, l);
    ok = set_devices(vm, l, false, error) && ok;
    mem_commit(vm);
    ok = ok && set_devices(vm, l, true, error);
    vm->ram_told = false;
    clock_rebuild(vm->clock);
    return ok;
}

static bool load_now(Vm *vm, const VmStatePlace *place, const char *name,
                     GError **error)
{
    VmLoad *from;
    Loaded *l;
    bool ok;

    if (!vmstate_open(vm, place, name, &from, error)) {
        return false;
    }
    l = load_all(vm, from, false, error);
    ok = l && vmstate_disks(from, error) && set_machine(vm, l, error);
    vmstate_close(from);
    g_clear_pointer(&l, loaded_free);
    return ok;
}

/* --- in a recording ------------------------------------------------------------------ */

static bool read_head(Vm *vm, const VmStatePlace *place, const char *name,
                      Head *out, GError **error)
{
    VmLoad *from;
    Loaded *l;

    if (!vmstate_open(vm, place, name, &from, error)) {
        return false;
    }
    l = load_all(vm, from, true, error);
    vmstate_close(from);
    if (!l) {
        return false;
    }
    *out = l->head;
    out->machine = NULL;
    loaded_free(l);
    return true;
}

static bool of_this_recording(Vm *vm, const Head *h, const char *name,
                              GError **error)
{
    uint8_t id[REPLAY_ID_BYTES];

    replay_recording_id(vm->replay, id);
    return memcmp(id, h->recording, sizeof(id)) == 0
           || fail(error, "snapshot '%s' is not of this recording (%s)", name,
                   replay_file(vm->replay));
}

bool snapshot_load(Vm *vm, const VmStatePlace *place, const char *name,
                   GError **error)
{
    Moment start;
    Head h;

    if (snapshot_writer_busy(vm)) {
        return fail(error, "a snapshot is being saved");
    }
    switch (replay_mode(vm->replay)) {
    case REPLAY_NONE:
        return while_stopped(vm, RUN_RESTORE_VM, load_now, place, name, error);
    case REPLAY_RECORD:
        return fail(error,
                    "loadvm while recording is not in this version: the log "
                    "would have to be cut");
    case REPLAY_PLAY:
        break;
    }
    if (strcmp(name, "start_debugging") == 0 && run_debug_start(vm, &start)) {
        return run_seek(vm, start, error);
    }
    return read_head(vm, place, name, &h, error)
           && of_this_recording(vm, &h, name, error)
           && control_ops(vm)->seek(
               vm, (Moment){.icount = h.icount, .sequence = h.sequence}, error);
}

bool snapshot_before_start(Vm *vm, const Options *o, GError **error)
{
    const VmStatePlace place = {0};
    const char *name = o->replay.snapshot;
    Head h;

    if (o->loadvm && !load_now(vm, &place, o->loadvm, error)) {
        return fail_prefix(error, "-loadvm %s", o->loadvm);
    }
    if (!name || replay_mode(vm->replay) != REPLAY_PLAY) {
        return true;
    }
    return (read_head(vm, &place, name, &h, error)
            && of_this_recording(vm, &h, name, error)
            && drives_start_from(vm, name, error))
           || fail_prefix(error, "rrsnapshot=%s", name);
}

bool snapshot_at_start(Vm *vm, const Options *o, GError **error)
{
    const VmStatePlace place = {0};

    return !o->replay.snapshot || replay_mode(vm->replay) != REPLAY_RECORD
           || save_now(vm, &place, o->replay.snapshot, error)
           || fail_prefix(error, "rrsnapshot=%s", o->replay.snapshot);
}

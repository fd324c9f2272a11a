/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/snapshot_writer.h"

#include <string.h>

#include "core/bytes.h"
#include "system/run_priv.h"
#include "system/snapshot.h"

struct SnapshotWriter {
    Vm *vm;
    VmSave *save;
    BlockSnapshot info; /* .name owned */
    GThread *thread;    /* owned */
    SnapshotDone *done;
    void *opaque;
    char *why; /* owned; NULL: it worked */
    GMutex lock;
    /* under the lock */
    bool *written;    /* owned: pages that need not be kept any more */
    GHashTable *kept; /* owned: page + 1 -> content as it was */
};

bool snapshot_writer_possible(Vm *vm)
{
    /* A replay goes back, and what overlays had is overwritten. */
    return replay_mode(vm->replay) != REPLAY_PLAY && vm->thread;
}

bool snapshot_writer_busy(const Vm *vm)
{
    return run_of(vm)->saver != NULL;
}

/* --- the machine's side --------------------------------------------------------- */

static void writer_before_write(void *opaque, RamPage page, const uint8_t *old)
{
    SnapshotWriter *w = opaque;
    gpointer key = GUINT_TO_POINTER(page + 1);

    g_mutex_lock(&w->lock);
    if (!w->written[page] && !g_hash_table_contains(w->kept, key)) {
        g_hash_table_insert(w->kept, key, g_memdup2(old, GUEST_PAGE_SIZE));
    }
    g_mutex_unlock(&w->lock);
}

static void writer_free(SnapshotWriter *w)
{
    run_of(w->vm)->saver = NULL;
    g_thread_join(w->thread);
    g_hash_table_unref(w->kept);
    g_mutex_clear(&w->lock);
    g_free(w->written);
    g_free(w->info.name);
    g_free(w->why);
    g_free(w);
}

static void writer_over(Vm *vm, void *opaque)
{
    SnapshotWriter *w = opaque;

    if (run_of(vm)->saver != w) {
        return;
    }
    ram_set_before_snapshot(vm->ram, NULL, NULL);
    w->done(vm, w->opaque, w->why);
    writer_free(w);
}

void snapshot_writer_settle(Vm *vm)
{
    SnapshotWriter *w = run_of(vm)->saver;

    if (w) {
        ram_set_before_snapshot(vm->ram, NULL, NULL);
        writer_free(w);
    }
}

/* --- the thread ------------------------------------------------------------------- */

/* The page as it was when the snapshot was taken. */
static void writer_page(SnapshotWriter *w, RamPage page, uint8_t *out)
{
    gpointer key = GUINT_TO_POINTER(page + 1);
    const uint8_t *kept;

    g_mutex_lock(&w->lock);
    kept = g_hash_table_lookup(w->kept, key);
    memcpy(out, kept ? kept : ram_page_host(w->vm->ram, page), GUEST_PAGE_SIZE);
    w->written[page] = true;
    if (kept) {
        g_hash_table_remove(w->kept, key);
    }
    g_mutex_unlock(&w->lock);
}

static gpointer writer_thread(gpointer data)
{
    SnapshotWriter *w = data;
    size_t pages = ram_page_count(w->vm->ram);
    uint8_t content[GUEST_PAGE_SIZE];
    g_autoptr(GError) error = NULL;

    for (RamPage page = 0; page < pages; page++) {
        writer_page(w, page, content);
        snapshot_put_page(w->save, page, content);
    }
    snapshot_put_end(w->save);
    if (!vmstate_finish(w->save, &w->info, &error)) {
        w->why = g_strdup(error->message);
    }
    control_ops(w->vm)->post(w->vm, writer_over, w);
    return NULL;
}

SnapshotWriter *snapshot_writer_start(Vm *vm, VmSave *save,
                                      const BlockSnapshot *info,
                                      SnapshotDone *done, void *opaque)
{
    SnapshotWriter *w = g_new0(SnapshotWriter, 1);

    w->vm = vm;
    w->save = save;
    w->info = *info;
    w->info.name = g_strdup(info->name);
    w->done = done;
    w->opaque = opaque;
    g_mutex_init(&w->lock);
    w->written = g_new0(bool, ram_page_count(vm->ram));
    w->kept = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    ram_client_enable(vm, RAM_CLIENT_SNAPSHOT);
    g_array_unref(ram_client_collect(vm, RAM_CLIENT_SNAPSHOT));
    ram_set_before_snapshot(vm->ram, writer_before_write, w);
    run_of(vm)->saver = w;
    w->thread = g_thread_new("snapshot", writer_thread, w);
    return w;
}

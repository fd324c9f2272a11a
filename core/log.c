/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -d: what a person asked to see. Counters here are the host's, not state. */
#include "core/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/vm.h"

/* A device may complain so often at full rate, then at each power of two. */
#define GUEST_ERROR_BURST 10

struct LogState {
    unsigned mask;
    FILE *file;
    bool own_file;
    GMutex lock;
    GHashTable
        *counts; /* owned: Device * to number of complaints; look up only */
};

/* clang-format off */
const LogName log_names[] = {
    {"in_asm",       LOG_IN_ASM,      "guest code of each translated block"},
    {"op",           LOG_OP,          "intermediate code of each block"},
    {"out_asm",      LOG_OUT_ASM,     "host code of each block"},
    {"int",          LOG_INT,         "interrupts and exceptions"},
    {"exec",         LOG_EXEC,        "each block before it runs"},
    {"cpu",          LOG_CPU,         "registers before each block"},
    {"guest_errors", LOG_GUEST_ERROR, "what the guest should not have done"},
    {"unimp",        LOG_UNIMP,       "what the guest used and is not modelled"},
    {"mmu",          LOG_MMU,         "page walks and TLB fills"},
    {"cpu_reset",    LOG_RESET,       "registers at each reset"},
    {"page",         LOG_PAGE,        "memory map at its changes"},
    {"nochain",      LOG_NOCHAIN,     "do not link blocks, so that exec shows all"},
    {NULL, 0, NULL},
};
/* clang-format on */

static bool log_parse_one(const char *word, unsigned *mask, GError **error)
{
    const char *names[G_N_ELEMENTS(log_names)];
    const char *near;

    if (strcmp(word, "all") == 0) {
        *mask |= UINT_MAX & ~(unsigned)LOG_NOCHAIN;
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(log_names); i++) {
        names[i] = log_names[i].name;
        if (names[i] && strcmp(word, names[i]) == 0) {
            *mask |= log_names[i].bit;
            return true;
        }
    }
    near = nearest_match(word, names);
    if (near) {
        return fail(error, "-d %s: no such log category, did you mean '%s'?",
                    word, near);
    }
    return fail(error, "-d %s: no such log category (see -d help)", word);
}

bool log_parse(const char *list, unsigned *mask, GError **error)
{
    g_auto(GStrv) words = g_strsplit(list, ",", -1);
    unsigned m = 0;

    for (char **w = words; *w; w++) {
        if (**w && !log_parse_one(*w, &m, error)) {
            return false;
        }
    }
    *mask = m;
    return true;
}

bool log_open(Vm *vm, unsigned mask, const char *path, GError **error)
{
    FILE *file = stderr;

    if (path) {
        file = fopen(path, "we");
        if (!file) {
            return fail_errno(error, errno, "-D %s: cannot open", path);
        }
        setvbuf(file, NULL, _IOLBF, 0);
    }
    log_close(vm);
    vm->log = g_new0(struct LogState, 1);
    vm->log->mask = mask;
    vm->log->file = file;
    vm->log->own_file = path != NULL;
    vm->log->counts = g_hash_table_new(NULL, NULL);
    g_mutex_init(&vm->log->lock);
    return true;
}

void log_close(Vm *vm)
{
    struct LogState *log = vm->log;

    if (!log) {
        return;
    }
    vm->log = NULL;
    if (log->own_file) {
        fclose(log->file);
    }
    g_hash_table_destroy(log->counts);
    g_mutex_clear(&log->lock);
    g_free(log);
}

unsigned log_mask(const Vm *vm)
{
    return vm->log ? vm->log->mask : 0;
}

bool log_set_mask(Vm *vm, unsigned mask, GError **error)
{
    if (!vm->log) {
        return log_open(vm, mask, NULL, error);
    }
    vm->log->mask = mask;
    return true;
}

bool log_on(const Vm *vm, unsigned bits)
{
    return vm->log && (vm->log->mask & bits);
}

void log_write(Vm *vm, const char *fmt, ...)
{
    va_list ap;

    if (!vm->log) {
        return;
    }
    va_start(ap, fmt);
    g_mutex_lock(&vm->log->lock);
    vfprintf(vm->log->file, fmt, ap);
    g_mutex_unlock(&vm->log->lock);
    va_end(ap);
}

/* Counts a complaint of @dev; false when this one is not to be shown. */
static bool log_rate(struct LogState *log, const Device *dev, unsigned *count)
{
    gpointer key = (gpointer)(uintptr_t)dev;
    unsigned n;

    g_mutex_lock(&log->lock);
    n = GPOINTER_TO_UINT(g_hash_table_lookup(log->counts, key));
    if (n < UINT_MAX) {
        n++;
    }
    g_hash_table_insert(log->counts, key, GUINT_TO_POINTER(n));
    g_mutex_unlock(&log->lock);
    *count = n;
    return n <= GUEST_ERROR_BURST || (n & (n - 1)) == 0;
}

static G_GNUC_PRINTF(3, 0) void log_guest(const Device *dev, LogBit bit,
                                          const char *fmt, va_list ap)
{
    g_autofree char *text = NULL;
    unsigned count;

    if (!dev || !dev->vm || !log_on(dev->vm, bit)
        || !log_rate(dev->vm->log, dev, &count)) {
        return;
    }
    text = g_strdup_vprintf(fmt, ap);
    if (count <= GUEST_ERROR_BURST) {
        log_write(dev->vm, "%s: %s\n", dev->path, text);
    } else {
        log_write(dev->vm, "%s: %s (message %u)\n", dev->path, text, count);
    }
}

void guest_error(const Device *dev, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_guest(dev, LOG_GUEST_ERROR, fmt, ap);
    va_end(ap);
}

void guest_unimp(const Device *dev, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_guest(dev, LOG_UNIMP, fmt, ap);
    va_end(ap);
}

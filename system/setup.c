/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the command line to a machine that is ready to run. */
#include "system/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "block/drives.h"
#include "chardev/chardev.h"
#include "config.h"
#include "core/error.h"
#include "core/fds.h"
#include "core/keyval.h"
#include "gdbstub/gdbstub.h"
#include "hw/machine.h"
#include "system/debug.h"
#include "system/drives.h"
#include "system/message.h"
#include "system/objects.h"
#include "system/progress.h"
#include "system/registry.h"
#include "system/seal.h"
#include "system/snapshot.h"

#define SEED_BYTES 32

struct Setup {
    const Options *o; /* borrowed */
    Vm *vm;           /* owned */
    Run *run;         /* owned */
    TraceFile *trace; /* owned */
    uint64_t ram_bytes;
    MachineConfig cfg;
    MachineBlobSource blobs;
    /* what cfg points to, owned */
    GPtrArray *serials;   /* Chardev * */
    GPtrArray *parallels; /* Chardev * */
    GArray *devices;      /* DeviceSpec */
    GArray *globals;      /* GlobalSpec */
    GArray *fw_cfg;       /* FwCfgSpec */
    GArray *smbios;       /* SmbiosSpec */
    GPtrArray *texts;     /* char * and MachineProp *: freed with g_free */
};

/* --- files ------------------------------------------------------------------- */

static char *setup_find_file(const Setup *s, const char *name)
{
    static const char *const standard[] = {
        "/usr/share/seabios", "/usr/share/qemu", REPRISE_DATADIR, NULL};

    if (strchr(name, '/') || g_file_test(name, G_FILE_TEST_EXISTS)) {
        return g_strdup(name);
    }
    for (guint i = 0; i < s->o->dirs->len + G_N_ELEMENTS(standard) - 1; i++) {
        const char *dir = i < s->o->dirs->len ? g_ptr_array_index(s->o->dirs, i)
                                              : standard[i - s->o->dirs->len];
        g_autofree char *path = g_build_filename(dir, name, NULL);

        if (g_file_test(path, G_FILE_TEST_EXISTS)) {
            return g_steal_pointer(&path);
        }
    }
    return g_strdup(name);
}

static GBytes *setup_load(void *opaque, const char *name, BlobKind kind,
                          const char *path, GError **error)
{
    Setup *s = opaque;
    GBytes *recorded = replay_blob(s->vm->replay, name);
    g_autofree char *file = NULL;
    g_autoptr(GError) why = NULL;
    const char *option = name[0] == 'k' || name[0] == 'i' ? "-" : "";
    char *data;
    gsize size;

    if (recorded) {
        return g_bytes_ref(recorded);
    }
    file = setup_find_file(s, path);
    errno = 0;
    if (!g_file_get_contents(file, &data, &size, &why)) {
        fail(error, "%s%s %s: cannot be read: %s", option, name, path,
             errno ? g_strerror(errno) : why->message);
        return NULL;
    }
    return g_bytes_new_take(data, size);
}

static GBytes *setup_replace(void *opaque, const char *name)
{
    Setup *s = opaque;
    GBytes *recorded = replay_blob(s->vm->replay, name);

    return recorded ? g_bytes_ref(recorded) : NULL;
}

static Chardev *setup_find_chardev(void *opaque, const char *id)
{
    Setup *s = opaque;

    return chardev_find(s->vm, id);
}

/* --- lists of the command line --------------------------------------------------- */

static const char *setup_keep(Setup *s, const char *text)
{
    char *copy = g_strdup(text);

    g_ptr_array_add(s->texts, copy);
    return copy;
}

/* All pairs but those named in @skip. */
static MachineProp *setup_props(Setup *s, const KeyVals *kv,
                                const char *const *skip, unsigned *count)
{
    MachineProp *props = g_new0(MachineProp, kv->items->len + 1);

    g_ptr_array_add(s->texts, props);
    *count = 0;
    for (guint i = 0; i < kv->items->len; i++) {
        const KeyVal *item = &g_array_index(kv->items, KeyVal, i);

        if (!g_strv_contains(skip, item->key)) {
            props[*count].name = setup_keep(s, item->key);
            props[*count].value = setup_keep(s, item->value);
            ++*count;
        }
    }
    return props;
}

static bool setup_device(Setup *s, const char *text, GError **error)
{
    static const char *const skip[] = {"driver", "id", NULL};
    g_auto(KeyVals) kv = {0};
    DeviceSpec d = {0};
    const char *driver, *id;

    keyvals_parse(&kv, text, "driver");
    driver = keyvals_take(&kv, "driver");
    id = keyvals_take(&kv, "id");
    if (!driver || !registry_find(driver, error)) {
        return driver ? false : fail(error, "-device: needs a driver");
    }
    d.driver = setup_keep(s, driver);
    d.id = id ? setup_keep(s, id) : NULL;
    d.props = setup_props(s, &kv, skip, &d.prop_count);
    g_array_append_val(s->devices, d);
    return true;
}

/* DRIVER.PROP=VALUE or driver=D,property=P,value=V */
static bool setup_global(Setup *s, const char *text, GError **error)
{
    const char *eq = strchr(text, '=');
    const char *dot = strrchr(text, '.');
    g_auto(KeyVals) kv = {0};
    GlobalSpec g = {0};

    if (eq && (dot = g_strrstr_len(text, eq - text, "."))) {
        g_autofree char *driver = g_strndup(text, (gsize)(dot - text));
        g_autofree char *prop = g_strndup(dot + 1, (gsize)(eq - dot - 1));

        g.driver = setup_keep(s, driver);
        g.prop = setup_keep(s, prop);
        g.value = setup_keep(s, eq + 1);
    } else {
        const char *driver, *prop, *value;

        keyvals_parse(&kv, text, NULL);
        driver = keyvals_take(&kv, "driver");
        prop = keyvals_take(&kv, "property");
        value = keyvals_take(&kv, "value");
        if (!driver || !prop || !value) {
            return fail(error, "-global %s: expected DRIVER.PROP=VALUE", text);
        }
        g.driver = setup_keep(s, driver);
        g.prop = setup_keep(s, prop);
        g.value = setup_keep(s, value);
    }
    g_array_append_val(s->globals, g);
    return true;
}

static bool setup_fw_cfg(Setup *s, const char *text, GError **error)
{
    static const char *const known[] = {"name", "file", "string", NULL};
    g_auto(KeyVals) kv = {0};
    FwCfgSpec f = {0};
    const char *name, *file, *string;

    keyvals_parse(&kv, text, "name");
    name = keyvals_take(&kv, "name");
    file = keyvals_take(&kv, "file");
    string = keyvals_take(&kv, "string");
    if (!keyvals_done(&kv, known, error)) {
        return fail_prefix(error, "-fw_cfg");
    }
    if (!name || !file == !string) {
        return fail(error,
                    "-fw_cfg %s: needs a name and one of file= and "
                    "string=",
                    text);
    }
    f.name = setup_keep(s, name);
    f.file = file ? setup_keep(s, file) : NULL;
    f.string = string ? setup_keep(s, string) : NULL;
    g_array_append_val(s->fw_cfg, f);
    return true;
}

static bool setup_smbios(Setup *s, const char *text, GError **error)
{
    static const char *const skip[] = {"type", "file", NULL};
    g_auto(KeyVals) kv = {0};
    SmbiosSpec b = {0};
    const char *file;
    uint64_t type = 0;

    keyvals_parse(&kv, text, NULL);
    file = keyvals_take(&kv, "file");
    if (!keyvals_take_u64(&kv, "type", 127, &type, error)) {
        return fail_prefix(error, "-smbios");
    }
    if (!file == !keyvals_take(&kv, "type")) {
        return fail(error, "-smbios %s: needs one of type= and file=", text);
    }
    b.type = (unsigned)type;
    b.file = file ? setup_keep(s, file) : NULL;
    b.props = setup_props(s, &kv, skip, &b.prop_count);
    if (file && b.prop_count) {
        return fail(error, "-smbios %s: file= stands alone", text);
    }
    g_array_append_val(s->smbios, b);
    return true;
}

static bool setup_lists(Setup *s, GError **error)
{
    typedef bool AddFn(Setup *, const char *, GError **);
    struct {
        const GPtrArray *list;
        AddFn *fn;
    } const lists[] = {
        {s->o->devices, setup_device},
        {s->o->globals, setup_global},
        {s->o->fw_cfg, setup_fw_cfg},
        {s->o->smbios, setup_smbios},
    };

    for (unsigned k = 0; k < G_N_ELEMENTS(lists); k++) {
        for (guint i = 0; i < lists[k].list->len; i++) {
            if (!lists[k].fn(s, g_ptr_array_index(lists[k].list, i), error)) {
                return false;
            }
        }
    }
    return true;
}

/* --- objects ------------------------------------------------------------------------ */

/* The size of RAM may be said by the back end alone. */
static bool setup_memory(Setup *s, GError **error)
{
    const Options *o = s->o;
    const char *id = o->memory_backend;
    const Object *ram;

    s->ram_bytes = o->ram_bytes;
    if (!id) {
        return true;
    }
    ram = object_find(s->vm, id, "memory-backend-ram");
    if (!ram) {
        return fail(
            error,
            "-machine memory-backend=%s: there is no memory-backend-ram "
            "with this id",
            id);
    }
    if (!parse_size(object_prop(ram, "size"), 1, &s->ram_bytes)
        || s->ram_bytes == 0 || s->ram_bytes % (1 << 20)) {
        return fail(error, "-object %s: size=%s is not in whole MiB", id,
                    object_prop(ram, "size"));
    }
    if (o->has_ram && s->ram_bytes != o->ram_bytes) {
        return fail(error,
                    "-machine memory-backend=%s: its size and that of -m are "
                    "not the same",
                    id);
    }
    return true;
}

static bool setup_objects(Setup *s, GError **error)
{
    const Options *o = s->o;

    objects_init(s->vm, object_registry);
    for (guint i = 0; i < o->objects->len; i++) {
        g_auto(KeyVals) kv = {0};

        keyvals_parse(&kv, g_ptr_array_index(o->objects, i), "qom-type");
        if (!object_add(s->vm, &kv, error)) {
            return fail_prefix(error, "-object");
        }
    }
    return setup_memory(s, error);
}

/* --- file descriptors ------------------------------------------------------------- */

static bool setup_fd(Setup *s, const char *text, GError **error)
{
    static const char *const known[] = {"fd", "set", "opaque", NULL};
    g_auto(KeyVals) kv = {0};
    uint64_t fd = UINT64_MAX, set = UINT64_MAX;
    int64_t at;
    int copy;

    keyvals_parse(&kv, text, NULL);
    if (!keyvals_take_u64(&kv, "fd", INT_MAX, &fd, error)
        || !keyvals_take_u64(&kv, "set", INT64_MAX, &set, error)) {
        return false;
    }
    at = (int64_t)set;
    if (fd > INT_MAX || set > INT64_MAX) {
        return fail(error, "needs fd= and set=");
    }
    if (fd <= STDERR_FILENO) {
        return fail(error, "fd=%d is a standard stream", (int)fd);
    }
    /* what we opened ourselves is closed on exec */
    copy = fcntl((int)fd, F_GETFD) & FD_CLOEXEC
               ? -1
               : fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return fail(error, "fd=%d is no descriptor from outside", (int)fd);
    }
    return fds_add(s->vm, copy, &at, keyvals_take(&kv, "opaque"), error)
           && keyvals_done(&kv, known, error);
}

static bool setup_fds(Setup *s, GError **error)
{
    const GPtrArray *list = s->o->add_fds;

    for (guint i = 0; i < list->len; i++) {
        const char *text = g_ptr_array_index(list, i);

        if (!setup_fd(s, text, error)) {
            return fail_prefix(error, "-add-fd %s", text);
        }
    }
    return true;
}

/* --- back ends --------------------------------------------------------------------- */

static bool setup_backend(Setup *s, GPtrArray *to, const char *text,
                          const char *kind, GError **error)
{
    g_autofree char *label = g_strdup_printf("%s%u", kind, to->len);
    Chardev *c = NULL;

    if (!chardev_from_text(s->vm, text, label, &c, error)) {
        return fail_prefix(error, "-%s %s", kind, text);
    }
    g_ptr_array_add(to, c);
    return !c || !g_str_has_prefix(text, "mon:")
           || monitor_new(s->vm, c, MONITOR_HMP, error);
}

static bool setup_monitor(Setup *s, const char *text, MonitorMode mode,
                          GError **error)
{
    static const char *const kinds[] = {"monitor", "qmp", "qmp-pretty"};
    static unsigned const max_monitors = 99;
    Chardev *c = NULL;

    for (unsigned n = 0; n < max_monitors; n++) {
        g_autofree char *label = g_strdup_printf("compat_monitor%u", n);

        if (!chardev_find(s->vm, label)) {
            if (!chardev_from_text(s->vm, text, label, &c, error)) {
                return fail_prefix(error, "-%s %s", kinds[mode], text);
            }
            break;
        }
    }
    return !c || monitor_new(s->vm, c, mode, error);
}

/* -mon [chardev=]ID,mode=readline|control,pretty=on */
static bool setup_mon(Setup *s, const char *text, GError **error)
{
    static const char *const known[] = {"chardev", "mode", "pretty", "id",
                                        NULL};
    g_auto(KeyVals) kv = {0};
    const char *id, *mode;
    bool pretty = false;
    Chardev *c;

    keyvals_parse(&kv, text, "chardev");
    id = keyvals_take(&kv, "chardev");
    mode = keyvals_take(&kv, "mode");
    keyvals_take(&kv, "id"); /* nothing refers to a monitor */
    if (!keyvals_take_bool(&kv, "pretty", &pretty, error)
        || !keyvals_done(&kv, known, error)) {
        return fail_prefix(error, "-mon");
    }
    c = id ? chardev_find(s->vm, id) : NULL;
    if (!c) {
        return fail(error, "-mon %s: there is no chardev '%s'", text,
                    id ? id : "");
    }
    if (!mode || strcmp(mode, "readline") == 0) {
        return monitor_new(s->vm, c, MONITOR_HMP, error);
    }
    if (strcmp(mode, "control") != 0) {
        return fail(error, "-mon mode=%s: expected readline or control", mode);
    }
    return monitor_new(s->vm, c, pretty ? MONITOR_QMP_PRETTY : MONITOR_QMP,
                       error);
}

static bool setup_stdio_used(const Setup *s)
{
    for (guint i = 0; i < s->serials->len; i++) {
        const Chardev *c = g_ptr_array_index(s->serials, i);

        if (c && chardev_uses_stdio(c)) {
            return true;
        }
    }
    return false;
}

/* What the terminal gets when nobody said: as the reference has it. */
static bool setup_default_ports(Setup *s, bool *want_monitor, GError **error)
{
    const Options *o = s->o;
    bool serial = o->serials->len == 0 && !o->nodefaults;
    bool monitor =
        o->monitors->len + o->mons->len + o->qmps->len + o->qmps_pretty->len
            == 0
        && !o->nodefaults;

    *want_monitor = false;
    if (o->parallels->len == 0 && !o->nodefaults
        && !setup_backend(s, s->parallels, o->nographic ? "null" : "vc",
                          "parallel", error)) {
        return false;
    }
    if (!serial) {
        *want_monitor = monitor && o->nographic && !setup_stdio_used(s);
        return true;
    }
    if (!o->nographic) {
        return setup_backend(s, s->serials, "vc", "serial", error);
    }
    return setup_backend(s, s->serials, monitor ? "mon:stdio" : "stdio",
                         "serial", error);
}

static void setup_quit_call(Vm *vm, void *opaque)
{
    control_ops(vm)->quit(vm, VM_CAUSE_HOST_UI, 0);
}

static void setup_escape(Vm *vm, ChrEscape what)
{
    if (what == CHR_ESCAPE_QUIT) {
        control_ops(vm)->call(vm, setup_quit_call, NULL);
    } else {
        g_printerr("nothing to save: snapshots are not in this version yet\n");
    }
}

static bool setup_chardevs(Setup *s, GError **error)
{
    const Options *o = s->o;
    bool want_monitor;

    chardev_on_escape(s->vm, setup_escape);
    for (guint i = 0; i < o->chardevs->len; i++) {
        if (!chardev_add(s->vm, g_ptr_array_index(o->chardevs, i), error)) {
            return fail_prefix(error, "-chardev %s",
                               (char *)g_ptr_array_index(o->chardevs, i));
        }
    }
    for (guint i = 0; i < o->serials->len; i++) {
        if (!setup_backend(s, s->serials, g_ptr_array_index(o->serials, i),
                           "serial", error)) {
            return false;
        }
    }
    for (guint i = 0; i < o->parallels->len; i++) {
        if (!setup_backend(s, s->parallels, g_ptr_array_index(o->parallels, i),
                           "parallel", error)) {
            return false;
        }
    }
    return setup_default_ports(s, &want_monitor, error)
           && (!want_monitor || setup_monitor(s, "stdio", MONITOR_HMP, error));
}

static bool setup_monitors(Setup *s, GError **error)
{
    const Options *o = s->o;
    struct {
        const GPtrArray *list;
        MonitorMode mode;
    } const lists[] = {
        {o->monitors, MONITOR_HMP},
        {o->qmps, MONITOR_QMP},
        {o->qmps_pretty, MONITOR_QMP_PRETTY},
    };

    for (unsigned k = 0; k < G_N_ELEMENTS(lists); k++) {
        for (guint i = 0; i < lists[k].list->len; i++) {
            if (!setup_monitor(s, g_ptr_array_index(lists[k].list, i),
                               lists[k].mode, error)) {
                return false;
            }
        }
    }
    for (guint i = 0; i < o->mons->len; i++) {
        if (!setup_mon(s, g_ptr_array_index(o->mons, i), error)) {
            return false;
        }
    }
    return true;
}

static bool setup_gdb(Setup *s, GError **error)
{
    return !s->o->gdb || control_ops(s->vm)->gdbserver(s->vm, s->o->gdb, error)
           || fail_prefix(error, "-gdb %s", s->o->gdb);
}

static void setup_seek_stdio(void *opaque, const char *id, const char *filename,
                             bool open)
{
    if (strcmp(filename, "stdio") == 0) {
        *(const char **)opaque = id;
    }
}

static bool setup_no_terminal(Setup *s, GError **error)
{
    const char *id = NULL;

    if (s->o->daemonize) {
        chardevs_foreach(s->vm, setup_seek_stdio, &id);
    }
    return !id
           || fail(error,
                   "-daemonize: %s uses the terminal: give it another back "
                   "end, or -nodefaults",
                   id);
}

/* --- the machine ---------------------------------------------------------------------- */

/* Start values: from the recording, from the person, or fresh. */
static void setup_start_values(Setup *s, uint8_t seed[SEED_BYTES],
                               int64_t *calendar_sec)
{
    const Options *o = s->o;
    const Seal *recorded = replay_header_seal(s->vm->replay);

    if (recorded) {
        memcpy(seed, recorded->seed, SEED_BYTES);
        *calendar_sec = recorded->calendar_sec;
        return;
    }
    memset(seed, 0, SEED_BYTES);
    if (o->has_seed) {
        for (unsigned i = 0; i < sizeof(o->seed); i++) {
            seed[i] = (uint8_t)(o->seed >> (8 * i));
        }
    } else if (getrandom(seed, SEED_BYTES, 0) != SEED_BYTES) {
        g_printerr("reprise: no entropy from the host: the guest's is fixed\n");
    }
    *calendar_sec =
        o->has_rtc_base ? o->rtc_base_sec : g_get_real_time() / G_USEC_PER_SEC;
    if (o->rtc_localtime) {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();

        *calendar_sec += g_date_time_get_utc_offset(now) / G_USEC_PER_SEC;
    }
}

static void setup_config(Setup *s)
{
    const Options *o = s->o;

    s->blobs = (MachineBlobSource){
        .load = setup_load, .replace = setup_replace, .opaque = s};
    s->cfg = (MachineConfig){
        .machine = o->machine ? o->machine : "pc",
        .ram_bytes = s->ram_bytes,
        .cpus = o->cpus,
        .max_cpus = o->max_cpus,
        .sockets = o->sockets,
        .dies = o->dies,
        .cores = o->cores,
        .threads = o->threads,
        .cpu = o->cpu,
        .long_mode = o->long_mode,
        .bios = o->bios,
        .kernel = o->kernel,
        .initrd = o->initrd,
        .append = o->append,
        .blobs = &s->blobs,
        .serial = (Chardev *const *)s->serials->pdata,
        .serial_count = s->serials->len,
        .parallel = (Chardev *const *)s->parallels->pdata,
        .parallel_count = s->parallels->len,
        .vga = o->vga,
        .nographic = o->nographic,
        .nodefaults = o->nodefaults,
        .graphics_off = o->graphics_off,
        .no_acpi = o->no_acpi,
        .no_hpet = o->no_hpet,
        .smm_off = o->smm_off,
        .has_uuid = o->has_uuid,
        .name = o->name,
        .boot_order = o->boot_order,
        .boot_menu = o->boot_menu,
        .boot_strict = o->boot_strict,
        .boot_menu_timeout_ms = o->boot_timeout_ms,
        .boot_splash = o->boot_splash,
        .has_reboot_timeout = o->has_reboot_timeout,
        .reboot_timeout_ms = o->reboot_timeout_ms,
        .option_roms = (const char *const *)o->roms->pdata,
        .option_rom_count = o->roms->len,
        .devices = (const DeviceSpec *)(void *)s->devices->data,
        .device_count = s->devices->len,
        .globals = (const GlobalSpec *)(void *)s->globals->data,
        .global_count = s->globals->len,
        .fw_cfg = (const FwCfgSpec *)(void *)s->fw_cfg->data,
        .fw_cfg_count = s->fw_cfg->len,
        .smbios = (const SmbiosSpec *)(void *)s->smbios->data,
        .smbios_count = s->smbios->len,
        .types = registry_devices,
        .find_chardev = setup_find_chardev,
        .find_chardev_opaque = s,
    };
    memcpy(s->cfg.uuid, o->uuid, sizeof(s->cfg.uuid));
}

static bool setup_machine(Setup *s, GError **error)
{
    const Options *o = s->o;
    const MachineType *type = machine_find(s->cfg.machine, error);
    RunOptions ro = {
        .no_reboot = strcmp(o->action.reboot, "shutdown") == 0,
        .no_shutdown = strcmp(o->action.shutdown, "pause") == 0,
        .start_stopped = o->start_stopped,
        .singlestep = o->accel.singlestep,
        .perf_map = o->accel.perf_map,
        .progress = progress_possible(),
        .long_mode = o->long_mode,
        .shared_terminal = setup_stdio_used(s),
        .name = g_strdup(o->name),
        .uuid = g_strdup(o->uuid_text),
    };

    s->run = run_new(s->vm, &ro);
    drives_join_run(s->run);
    if (o->debugcon) {
        Chardev *c = NULL;

        if (!chardev_from_text(s->vm, o->debugcon, "debugcon", &c, error)) {
            return fail_prefix(error, "-debugcon %s", o->debugcon);
        }
        s->cfg.debugcon = c;
    }
    return type && accel_init(s->vm, &o->accel, error)
           && type->build(s->vm, &s->cfg, error);
}

static bool setup_start(Setup *s, int argc, char **argv, GError **error)
{
    const Options *o = s->o;
    uint8_t seed[SEED_BYTES];
    int64_t calendar_sec;
    Seal *seal;
    bool ok;

    setup_start_values(s, seed, &calendar_sec);
    vm_set_seed(s->vm, seed);
    clock_set_calendar(s->vm->clock, calendar_sec, 0);
    setup_config(s);
    if (!drives_setup(s->vm, o, error) || !setup_machine(s, error)) {
        return false;
    }
    devices_seal(s->vm);
    devices_reset(s->vm);
    if (!snapshot_before_start(s->vm, o, error)) {
        return false;
    }
    seal = seal_machine(s->vm, o, s->ram_bytes, argc, argv);
    memcpy(seal->seed, seed, sizeof(seed));
    seal->calendar_sec = calendar_sec;
    ok = seal_start(s->vm, seal, error);
    seal_free(seal);
    return ok && snapshot_at_start(s->vm, o, error) && setup_monitors(s, error)
           && setup_gdb(s, error) && setup_no_terminal(s, error);
}

Setup *setup_new(const Options *o, int argc, char **argv, GError **error)
{
    Setup *s = g_new0(Setup, 1);

    s->o = o;
    s->vm = vm_new();
    s->serials = g_ptr_array_new();
    s->parallels = g_ptr_array_new();
    s->devices = g_array_new(FALSE, TRUE, sizeof(DeviceSpec));
    s->globals = g_array_new(FALSE, TRUE, sizeof(GlobalSpec));
    s->fw_cfg = g_array_new(FALSE, TRUE, sizeof(FwCfgSpec));
    s->smbios = g_array_new(FALSE, TRUE, sizeof(SmbiosSpec));
    s->texts = g_ptr_array_new_with_free_func(g_free);
    registry_sources(s->vm);
    if (!log_open(s->vm, o->log_mask, o->log_file, error)
        || !(s->trace = message_trace(s->vm, o, error))
        || !(s->vm->replay = replay_new(s->vm, &o->replay, error))
        || !setup_lists(s, error) || !setup_fds(s, error)
        || !setup_objects(s, error) || !setup_chardevs(s, error)
        || !setup_start(s, argc, argv, error)) {
        setup_free(s);
        return NULL;
    }
    return s;
}

Run *setup_run(Setup *s)
{
    return s->run;
}

void setup_free(Setup *s)
{
    if (!s) {
        return;
    }
    gdb_free(s->vm, s->run ? run_status(s->run) : 1);
    monitors_free(s->vm);
    if (s->run) {
        snapshot_writer_settle(s->vm);
    }
    drives_close(s->vm);
    chardevs_close(s->vm);
    run_free(s->run);
    replay_free(s->vm->replay);
    accel_fini(s->vm);
    message_trace_end(s->vm, s->trace);
    vm_free(s->vm);
    g_ptr_array_free(s->serials, TRUE);
    g_ptr_array_free(s->parallels, TRUE);
    g_array_free(s->devices, TRUE);
    g_array_free(s->globals, TRUE);
    g_array_free(s->fw_cfg, TRUE);
    g_array_free(s->smbios, TRUE);
    g_ptr_array_free(s->texts, TRUE);
    g_free(s);
}

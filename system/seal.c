/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seal: all of this machine that its guest can see, as text fields. */
#include "system/seal.h"

#include "block/drives.h"
#include "chardev/port.h"
#include "config.h"
#include "cpu/x86.h"
#include "hw/fw_cfg.h"
#include "hw/machine.h"
#include "system/run.h"

/* Longer ones are files, which are compared by themselves. */
#define ITEM_MOST (64u << 10)

static void seal_item(void *opaque, uint16_t key, const char *name,
                      GBytes *data)
{
    GChecksum *sum = opaque;
    gsize size;
    const guchar *bytes = g_bytes_get_data(data, &size);
    g_autofree char *head = g_strdup_printf("%u %s %" G_GSIZE_FORMAT ":", key,
                                            name ? name : "", size);

    g_checksum_update(sum, (const guchar *)head, -1);
    if (size > 0 && size <= ITEM_MOST) {
        g_checksum_update(sum, bytes, (gssize)size);
    }
}

/* What options tell the firmware alone; those that people use have names. */
static void seal_firmware(Seal *s, Device *fw)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);

    fw_cfg_foreach(fw, seal_item, sum);
    seal_add(s, "firmware settings", "%s", g_checksum_get_string(sum));
    g_checksum_free(sum);
}

static void seal_options(Seal *s, const Options *o)
{
    seal_add(s, "nographic", "%s", o->nographic ? "on" : "off");
    seal_add(s, "graphics", "%s", o->graphics_off ? "off" : "on");
    seal_add(s, "boot order", "%s", o->boot_order ? o->boot_order : "default");
    seal_add(s, "boot menu", "%s", o->boot_menu ? "on" : "off");
}

static void seal_device(void *opaque, Device *dev)
{
    Seal *s = opaque;
    g_autofree char *key = g_strdup_printf("device %s", dev->path);

    seal_add(s, key, "%s version %u", dev->type->name,
             MAX(dev->type->version, 1));
    if (dev->type == &fw_cfg_type) {
        seal_firmware(s, dev);
    }
    for (const PropField *p = dev->type->props; p && p->type != PROP_END; p++) {
        g_autofree char *prop = g_strdup_printf("%s.%s", dev->path, p->name);
        g_autofree char *value =
            p->host_only ? NULL : device_get_prop(dev, p->name);

        if (value) {
            seal_add(s, prop, "%s", value);
        }
    }
}

static void seal_cpus(Seal *s, const Vm *vm)
{
    for (guint i = 0; i < vm->vcpus->len; i++) {
        const X86Cpu *c = g_ptr_array_index(vm->vcpus, i);
        g_autoptr(GString) words = g_string_new(NULL);
        g_autofree char *key = g_strdup_printf("cpu%u features", i);

        for (unsigned w = 0; w < X86_FEAT_COUNT; w++) {
            g_string_append_printf(words, "%s%08x", w ? " " : "",
                                   c->features[w]);
        }
        g_string_append_printf(words, " at %u of %u %u %u", c->apic_id,
                               c->topology.dies, c->topology.cores,
                               c->topology.threads);
        seal_add(s, key, "%s", words->str);
    }
}

Seal *seal_machine(Vm *vm, const Options *o, uint64_t ram_bytes, int argc,
                   char **argv)
{
    Seal *s = seal_new();
    g_autofree char *line = NULL;
    g_auto(GStrv) words = g_new0(char *, argc + 1);

    seal_add(s, "target", "%s", o->long_mode ? "x86_64" : "i386");
    seal_add(s, "machine", "%s", machine_of(vm)->mtype->name);
    seal_add(s, "ram", "%" PRIu64 " MiB", ram_bytes >> 20);
    seal_add(s, "vcpus", "%u", vm->vcpus->len);
    seal_add(s, "turn", "%d ns, %d to %d steps", RUN_TURN_NS, RUN_TURN_MIN,
             RUN_TURN_MAX);
    seal_add(s, "cpu", "%s", o->cpu ? o->cpu : "default");
    seal_cpus(s, vm);
    seal_add(s, "uuid", "%s", o->uuid_text ? o->uuid_text : "none");
    seal_options(s, o);
    seal_add(s, "character ports", "%u", chr_port_count(vm));
    drives_seal(vm, s);
    devices_foreach(vm, seal_device, s);
    for (int i = 0; i < argc; i++) {
        words[i] = g_shell_quote(argv[i]);
    }
    line = g_strjoinv(" ", words);
    seal_note(s, "command line", "%s", line);
    seal_note(s, "program", "reprise %s", REPRISE_VERSION);
    return s;
}

static void seal_blob(void *opaque, const MachineBlob *blob)
{
    ReplayBlob *b = g_new0(ReplayBlob, 1);

    b->name = g_strdup(blob->name);
    b->data = g_bytes_ref(blob->data);
    b->embed = blob->kind == BLOB_FIRMWARE;
    b->size = g_bytes_get_size(blob->data);
    g_ptr_array_add(opaque, b);
}

static void seal_blob_free(gpointer p)
{
    ReplayBlob *b = p;

    g_free(b->name);
    g_bytes_unref(b->data);
    g_free(b);
}

bool seal_start(Vm *vm, const Seal *seal, GError **error)
{
    g_autoptr(GPtrArray) blobs = g_ptr_array_new_with_free_func(seal_blob_free);

    machine_blob_foreach(vm, seal_blob, blobs);
    return replay_start(vm->replay, seal, blobs, error);
}

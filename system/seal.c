/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seal: all of this machine that its guest can see, as text fields. */
#include "system/seal.h"

#include "block/drives.h"
#include "chardev/port.h"
#include "config.h"
#include "cpu/x86.h"
#include "hw/machine.h"
#include "system/run.h"

static void seal_device(void *opaque, Device *dev)
{
    Seal *s = opaque;
    g_autofree char *key = g_strdup_printf("device %s", dev->path);

    seal_add(s, key, "%s version %u", dev->type->name,
             MAX(dev->type->version, 1));
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

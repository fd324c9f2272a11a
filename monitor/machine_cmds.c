/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is: machines, CPU models, vCPUs, memory, PCI. */
#include <string.h>
#include <unistd.h>

#include "cpu/x86.h"
#include "hw/machine.h"
#include "hw/pci.h"
#include "monitor/tables.h"

/* --- machines ----------------------------------------------------------------- */

static const char *target(Vm *vm)
{
    return control_ops(vm)->long_mode(vm) ? "x86_64" : "i386";
}

static void set_typename(Vm *vm, JsonObject *o, const char *member,
                         const char *model)
{
    g_autofree char *name = g_strdup_printf("%s-%s-cpu", model, target(vm));

    json_object_set_string_member(o, member, name);
}

static bool cmd_query_target(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    json_object_set_string_member(cmd_object(out), "arch", target(vm));
    return true;
}

static bool cmd_query_machines(Vm *vm, const CmdIn *in, CmdOut *out,
                               GError **error)
{
    JsonArray *a = cmd_array(out);

    for (unsigned i = 0; machine_types[i]; i++) {
        const MachineType *t = machine_types[i];
        const char *cpu = control_ops(vm)->long_mode(vm) ? t->default_cpu64
                                                         : t->default_cpu32;
        JsonObject *o = json_object_new();

        json_object_set_boolean_member(o, "hotpluggable-cpus", FALSE);
        json_object_set_string_member(o, "name", t->name);
        json_object_set_boolean_member(o, "numa-mem-supported", FALSE);
        if (cpu) {
            set_typename(vm, o, "default-cpu-type", cpu);
            json_object_set_string_member(o, "default-ram-id", "pc.ram");
        }
        json_object_set_int_member(o, "cpu-max", MAX(t->max_cpus, 1));
        json_object_set_boolean_member(o, "deprecated", FALSE);
        if (t->alias) {
            json_object_set_string_member(o, "alias", t->alias);
        }
        if (i == 0) {
            json_object_set_boolean_member(o, "is-default", TRUE);
        }
        json_array_add_object_element(a, o);
    }
    return true;
}

static bool cmd_query_current_machine(Vm *vm, const CmdIn *in, CmdOut *out,
                                      GError **error)
{
    json_object_set_boolean_member(cmd_object(out), "wakeup-suspend-support",
                                   FALSE);
    return true;
}

/* --- CPU models ---------------------------------------------------------------- */

typedef struct ModelList {
    Vm *vm;
    JsonArray *out;
} ModelList;

static void model_visit(void *opaque, const char *name,
                        const char *const *missing)
{
    ModelList *l = opaque;
    JsonObject *o = json_object_new();
    JsonArray *unavailable = json_array_new();

    for (unsigned i = 0; missing[i]; i++) {
        json_array_add_string_element(unavailable, missing[i]);
    }
    json_object_set_string_member(o, "name", name);
    set_typename(l->vm, o, "typename", name);
    json_object_set_array_member(o, "unavailable-features", unavailable);
    json_object_set_boolean_member(o, "static", strcmp(name, "base") == 0);
    json_object_set_boolean_member(o, "migration-safe",
                                   strcmp(name, "max") != 0);
    json_object_set_boolean_member(o, "deprecated", FALSE);
    json_array_add_object_element(l->out, o);
}

static bool cmd_query_cpu_definitions(Vm *vm, const CmdIn *in, CmdOut *out,
                                      GError **error)
{
    ModelList l = {vm, cmd_array(out)};

    x86_models_foreach(control_ops(vm)->long_mode(vm), model_visit, &l);
    return true;
}

static void feature_visit(void *opaque, const char *name, bool on)
{
    json_object_set_boolean_member(opaque, name, on);
}

/* The -cpu text that a model with properties means; NULL: a bad one. */
static char *model_text(JsonObject *model, GError **error)
{
    GString *s = g_string_new(json_object_get_string_member(model, "name"));
    JsonNode *props = json_object_get_member(model, "props");
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    GType type;

    if (!props) {
        return g_string_free(s, FALSE);
    }
    if (!JSON_NODE_HOLDS_OBJECT(props)) {
        fail(error, "Invalid parameter type for 'model.props', expected: "
                    "object");
        g_string_free(s, TRUE);
        return NULL;
    }
    json_object_iter_init_ordered(&iter, json_node_get_object(props));
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        type = JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value)
                                            : G_TYPE_INVALID;
        if (type == G_TYPE_BOOLEAN) {
            g_string_append_printf(s, ",%s=%s", name,
                                   json_node_get_boolean(value) ? "on" : "off");
        } else if (type == G_TYPE_STRING) {
            g_string_append_printf(s, ",%s=%s", name,
                                   json_node_get_string(value));
        } else if (type == G_TYPE_INT64) {
            g_string_append_printf(s, ",%s=%" PRId64, name,
                                   json_node_get_int(value));
        } else {
            fail(error,
                 "Invalid parameter type for 'model.props.%s', expected: "
                 "boolean",
                 name);
            g_string_free(s, TRUE);
            return NULL;
        }
    }
    return g_string_free(s, FALSE);
}

static bool cmd_expand_cpu_model(Vm *vm, const CmdIn *in, CmdOut *out,
                                 GError **error)
{
    JsonObject *model = json_object_get_object_member(in->args, "model");
    g_autofree char *text = model_text(model, error);
    bool full = strcmp(cmd_str(in, "type"), "full") == 0;
    uint32_t features[X86_FEAT_COUNT];
    JsonObject *o, *props;

    if (!text
        || !x86_model_expand(text, control_ops(vm)->long_mode(vm), features,
                             error)) {
        return false;
    }
    o = json_object_new();
    props = json_object_new();
    x86_features_foreach(features, feature_visit, props);
    json_object_set_string_member(
        o, "name",
        full ? json_object_get_string_member(model, "name") : "base");
    json_object_set_object_member(o, "props", props);
    json_object_set_object_member(cmd_object(out), "model", o);
    return true;
}

/* --- vCPUs ----------------------------------------------------------------------- */

static JsonObject *cpu_props(Vm *vm, unsigned index)
{
    const X86Cpu *c = g_ptr_array_index(vm->vcpus, index);
    X86Place p = x86_cpu_place(c);
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "core-id", p.core);
    json_object_set_int_member(o, "thread-id", p.thread);
    if (c->topology.dies > 1) {
        json_object_set_int_member(o, "die-id", p.die);
    }
    json_object_set_int_member(o, "socket-id", p.socket);
    return o;
}

static void set_cpu_path(JsonObject *o, unsigned index)
{
    g_autofree char *path =
        g_strdup_printf("/machine/unattached/device[%u]", index);

    json_object_set_string_member(o, "qom-path", path);
}

static bool cmd_query_cpus(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    JsonArray *a = cmd_array(out);

    for (guint i = 0; i < vm->vcpus->len; i++) {
        JsonObject *o = json_object_new();

        json_object_set_int_member(o, "thread-id", gettid());
        json_object_set_object_member(o, "props", cpu_props(vm, i));
        set_cpu_path(o, i);
        json_object_set_int_member(o, "cpu-index", i);
        json_object_set_string_member(o, "target", target(vm));
        json_array_add_object_element(a, o);
    }
    return true;
}

static const char *cpu_model(const Vcpu *v)
{
    const char *text = ((const X86Cpu *)v)->features_text;

    return text ? text : "";
}

static bool cmd_query_hotpluggable(Vm *vm, const CmdIn *in, CmdOut *out,
                                   GError **error)
{
    JsonArray *a = cmd_array(out);

    for (guint i = vm->vcpus->len; i > 0; i--) {
        const char *text = cpu_model(g_ptr_array_index(vm->vcpus, i - 1));
        g_autofree char *model = g_strndup(text, strcspn(text, ","));
        JsonObject *o = json_object_new();

        if (!*model) {
            g_free(model);
            model =
                g_strdup(control_ops(vm)->long_mode(vm) ? "qemu64" : "qemu32");
        }
        json_object_set_object_member(o, "props", cpu_props(vm, i - 1));
        json_object_set_int_member(o, "vcpus-count", 1);
        set_cpu_path(o, i - 1);
        set_typename(vm, o, "type", model);
        json_array_add_object_element(a, o);
    }
    return true;
}

static void print_hotpluggable(JsonNode *value, GString *out)
{
    static const char *const parts[] = {"socket-id", "die-id", "core-id",
                                        "thread-id"};
    JsonArray *a = json_node_get_array(value);

    g_string_append(out, "Hotpluggable CPUs:\n");
    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonObject *o = json_array_get_object_element(a, i);
        JsonObject *p = json_object_get_object_member(o, "props");

        g_string_append_printf(
            out,
            "  type: \"%s\"\n  vcpus_count: \"1\"\n  qom_path: \"%s\"\n"
            "  CPUInstance Properties:\n",
            json_object_get_string_member(o, "type"),
            json_object_get_string_member(o, "qom-path"));
        for (unsigned k = 0; k < G_N_ELEMENTS(parts); k++) {
            if (json_object_has_member(p, parts[k])) {
                g_string_append_printf(out, "    %s: \"%" PRId64 "\"\n",
                                       parts[k],
                                       json_object_get_int_member(p, parts[k]));
            }
        }
    }
}

static bool cmd_info_cpus(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const Vcpu *shown = cmd_vcpu(vm, in, NULL);

    for (guint i = 0; i < vm->vcpus->len; i++) {
        const Vcpu *v = g_ptr_array_index(vm->vcpus, i);

        g_string_append_printf(out->text, "%c CPU #%u: thread_id=%d\n",
                               v == shown ? '*' : ' ', i, gettid());
    }
    return true;
}

/* --- memory ------------------------------------------------------------------------ */

/* Boards call their RAM "pc.ram", "virt.ram"... */
static uint64_t board_ram(Vm *vm, const char **name)
{
    uint64_t bytes = 0;

    for (RamPage page = 0; page < ram_page_count(vm->ram); page++) {
        uint64_t off;
        const char *block = ram_page_block(vm->ram, page, &off);

        if (g_str_has_suffix(block, ".ram")) {
            bytes += GUEST_PAGE_SIZE;
            *name = block;
        }
    }
    return bytes;
}

static bool cmd_query_memory(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    JsonObject *o = cmd_object(out);
    const char *name;

    json_object_set_int_member(o, "base-memory", (int64_t)board_ram(vm, &name));
    json_object_set_int_member(o, "plugged-memory", 0);
    return true;
}

static void print_memory(JsonNode *value, GString *out)
{
    g_string_append_printf(
        out, "base memory: %" PRId64 "\nplugged memory: %" PRId64 "\n",
        node_int(value, "base-memory"), node_int(value, "plugged-memory"));
}

static bool cmd_query_memdev(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    JsonArray *a = cmd_array(out);
    const char *name = NULL;
    uint64_t bytes = board_ram(vm, &name);
    JsonObject *o;

    if (!bytes) {
        return true;
    }
    o = json_object_new();
    json_object_set_boolean_member(o, "share", FALSE);
    json_object_set_boolean_member(o, "reserve", TRUE);
    json_object_set_boolean_member(o, "prealloc", FALSE);
    json_object_set_array_member(o, "host-nodes", json_array_new());
    json_object_set_int_member(o, "size", (int64_t)bytes);
    json_object_set_boolean_member(o, "merge", FALSE);
    json_object_set_boolean_member(o, "dump", TRUE);
    json_object_set_string_member(o, "policy", "default");
    json_object_set_string_member(o, "id", name);
    json_array_add_object_element(a, o);
    return true;
}

static const char *on_off(JsonNode *value, const char *name)
{
    return node_bool(value, name) ? "true" : "false";
}

static void print_memdev(JsonNode *value, GString *out)
{
    JsonArray *a = json_node_get_array(value);

    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonNode *o = json_array_get_element(a, i);

        g_string_append_printf(out,
                               "memory backend: %s\n  size:  %" PRId64
                               "\n  merge: %s\n  dump: %s\n  prealloc: %s\n"
                               "  share: %s\n  reserve: %s\n  policy: %s\n"
                               "  host nodes: \n\n",
                               node_str(o, "id"), node_int(o, "size"),
                               on_off(o, "merge"), on_off(o, "dump"),
                               on_off(o, "prealloc"), on_off(o, "share"),
                               on_off(o, "reserve"), node_str(o, "policy"));
    }
}

static bool cmd_info_numa(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    g_string_append(out->text, "0 nodes\n");
    return true;
}

/* --- PCI ------------------------------------------------------------------------------ */

static const PciBus *pci_bus_of(Vm *vm)
{
    for (const Device *d = vm->devices; d; d = d->next) {
        if (d->type->realize == pci_realize) {
            return ((const PciDevice *)d)->bus;
        }
    }
    return NULL;
}

/* Base and subclass, PCI D. */
static const char *pci_class_name(unsigned class)
{
    static const struct {
        unsigned class;
        const char *name;
    } names[] = {
        {0x0000, "Old device"},
        {0x0001, "VGA compatible (old)"},
        {0x0100, "SCSI controller"},
        {0x0101, "IDE controller"},
        {0x0102, "Floppy controller"},
        {0x0106, "SATA controller"},
        {0x0108, "Non-volatile memory"},
        {0x0180, "Storage controller"},
        {0x0200, "Ethernet controller"},
        {0x0280, "Network controller"},
        {0x0300, "VGA controller"},
        {0x0380, "Display controller"},
        {0x0401, "Audio controller"},
        {0x0403, "Audio controller"},
        {0x0500, "RAM controller"},
        {0x0600, "Host bridge"},
        {0x0601, "ISA bridge"},
        {0x0604, "PCI bridge"},
        {0x0680, "Bridge"},
        {0x0700, "Serial port"},
        {0x0c03, "USB controller"},
        {0x0c05, "SMBus"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].class == class) {
            return names[i].name;
        }
    }
    return NULL;
}

static JsonArray *pci_regions(const PciDevice *pd)
{
    JsonArray *a = json_array_new();

    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const PciBar *bar = &pd->bar[i];
        JsonObject *o;

        if (!bar->region) {
            continue;
        }
        o = json_object_new();
        json_object_set_int_member(o, "bar", i);
        if (!bar->io) {
            json_object_set_boolean_member(o, "prefetch", bar->prefetch);
            json_object_set_boolean_member(o, "mem_type_64", bar->wide);
        }
        json_object_set_int_member(o, "size", (int64_t)bar->size);
        json_object_set_int_member(o, "address", (int64_t)pci_bar_addr(pd, i));
        json_object_set_string_member(o, "type", bar->io ? "io" : "memory");
        json_array_add_object_element(a, o);
    }
    return a;
}

static JsonObject *pci_ids(const PciDevice *pd)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "device", pci_config16(pd, PCI_DEVICE_ID));
    json_object_set_int_member(o, "subsystem-vendor",
                               pci_config16(pd, PCI_SUBVENDOR_ID));
    json_object_set_int_member(o, "vendor", pci_config16(pd, PCI_VENDOR_ID));
    json_object_set_int_member(o, "subsystem",
                               pci_config16(pd, PCI_SUBDEVICE_ID));
    return o;
}

static JsonObject *pci_device_info(const PciDevice *pd)
{
    JsonObject *o = json_object_new(), *class = json_object_new();
    unsigned code = pci_config16(pd, PCI_CLASS + 1);

    json_object_set_int_member(o, "irq_pin", pd->config[PCI_IRQ_PIN]);
    json_object_set_int_member(o, "bus", 0);
    json_object_set_string_member(o, "qdev_id", pd->dev.id ? pd->dev.id : "");
    if (pd->config[PCI_IRQ_PIN]) {
        json_object_set_int_member(o, "irq", pd->config[PCI_IRQ_LINE]);
    }
    json_object_set_int_member(o, "slot", PCI_SLOT((unsigned)pd->devfn));
    json_object_set_int_member(class, "class", code);
    if (pci_class_name(code)) {
        json_object_set_string_member(class, "desc", pci_class_name(code));
    }
    json_object_set_object_member(o, "class_info", class);
    json_object_set_object_member(o, "id", pci_ids(pd));
    json_object_set_int_member(o, "function", PCI_FUNC((unsigned)pd->devfn));
    json_object_set_array_member(o, "regions", pci_regions(pd));
    return o;
}

static bool cmd_query_pci(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const PciBus *bus = pci_bus_of(vm);
    JsonArray *a = cmd_array(out), *devices;
    JsonObject *o;

    if (!bus) {
        return true;
    }
    devices = json_array_new();
    for (unsigned i = 0; i < PCI_DEVFN(32, 0); i++) {
        const PciDevice *pd = pci_bus_device(bus, i);

        if (pd) {
            json_array_add_object_element(devices, pci_device_info(pd));
        }
    }
    o = json_object_new();
    json_object_set_int_member(o, "bus", 0);
    json_object_set_array_member(o, "devices", devices);
    json_array_add_object_element(a, o);
    return true;
}

static void print_pci_region(JsonNode *r, GString *out)
{
    int64_t at = node_int(r, "address"), size = node_int(r, "size");
    bool io = strcmp(node_str(r, "type"), "io") == 0;

    g_string_append_printf(out, "      BAR%" PRId64 ": ", node_int(r, "bar"));
    if (io) {
        g_string_append_printf(out,
                               "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n",
                               (uint64_t)at, (uint64_t)(at + size - 1));
    } else {
        g_string_append_printf(
            out, "%d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
            node_bool(r, "mem_type_64") ? 64 : 32,
            node_bool(r, "prefetch") ? " prefetchable" : "", (uint64_t)at,
            (uint64_t)(at + size - 1));
    }
}

static void print_pci_device(JsonNode *node, GString *out)
{
    JsonObject *o = json_node_get_object(node);
    JsonNode *class = json_object_get_member(o, "class_info");
    JsonNode *id = json_object_get_member(o, "id");
    JsonArray *regions = json_object_get_array_member(o, "regions");
    int64_t pin = node_int(node, "irq_pin");

    g_string_append_printf(
        out, "  Bus %2" PRId64 ", device %3" PRId64 ", function %" PRId64 ":\n",
        node_int(node, "bus"), node_int(node, "slot"),
        node_int(node, "function"));
    if (*node_str(class, "desc")) {
        g_string_append_printf(out, "    %s", node_str(class, "desc"));
    } else {
        g_string_append_printf(out, "    Class %04x",
                               (unsigned)node_int(class, "class"));
    }
    g_string_append_printf(out, ": PCI device %04x:%04x\n",
                           (unsigned)node_int(id, "vendor"),
                           (unsigned)node_int(id, "device"));
    if (node_int(id, "subsystem-vendor") || node_int(id, "subsystem")) {
        g_string_append_printf(out, "      PCI subsystem %04x:%04x\n",
                               (unsigned)node_int(id, "subsystem-vendor"),
                               (unsigned)node_int(id, "subsystem"));
    }
    if (pin) {
        g_string_append_printf(out, "      IRQ %" PRId64 ", pin %c\n",
                               node_int(node, "irq"), (char)('A' + pin - 1));
    }
    for (guint i = 0; i < json_array_get_length(regions); i++) {
        print_pci_region(json_array_get_element(regions, i), out);
    }
    g_string_append_printf(out, "      id \"%s\"\n", node_str(node, "qdev_id"));
}

static void print_pci(JsonNode *value, GString *out)
{
    JsonArray *buses = json_node_get_array(value);

    if (json_array_get_length(buses) == 0) {
        g_string_append(out, "PCI not supported\n");
    }
    for (guint i = 0; i < json_array_get_length(buses); i++) {
        JsonArray *devices = json_object_get_array_member(
            json_array_get_object_element(buses, i), "devices");

        for (guint k = 0; k < json_array_get_length(devices); k++) {
            print_pci_device(json_array_get_element(devices, k), out);
        }
    }
}

/* clang-format off */
static const CmdArg args_expansion[] = {
    {"type",  ARG_JSON, .of = "CpuModelExpansionType", .doc = "static: as features of base"},
    {"model", ARG_JSON, .of = "CpuModelInfo", .doc = "a model and its properties"}, {NULL},
};

const CmdRow cmd_rows_machine[] = {
    {"query-target", NULL, NULL, cmd_query_target, NULL, "architecture of the guest", CMD_IO, "TargetInfo"},
    {"query-machines", NULL, NULL, cmd_query_machines, NULL, "machines of this program", CMD_IO, "[MachineInfo]"},
    {"query-current-machine", NULL, NULL, cmd_query_current_machine, NULL, "what this machine can do", CMD_IO, "CurrentMachineParams"},
    {"query-cpu-definitions", NULL, NULL, cmd_query_cpu_definitions, NULL, "CPU models", CMD_IO, "[CpuDefinitionInfo]"},
    {"query-cpu-model-expansion", NULL, args_expansion, cmd_expand_cpu_model, NULL, "features of a CPU model", CMD_IO, "CpuModelExpansionInfo"},
    {"query-cpus-fast", NULL, NULL, cmd_query_cpus, NULL, "vCPUs", 0, "[CpuInfoFast]"},
    {"query-hotpluggable-cpus", "info hotpluggable-cpus", NULL, cmd_query_hotpluggable, print_hotpluggable, "vCPUs and their places", 0, "[HotpluggableCPU]"},
    {NULL, "info cpus", NULL, cmd_info_cpus, NULL, "vCPUs", 0},
    {"query-memory-size-summary", "info memory_size_summary", NULL, cmd_query_memory, print_memory, "bytes of RAM", 0, "MemoryInfo"},
    {"query-memdev", "info memdev", NULL, cmd_query_memdev, print_memdev, "memory back ends", 0, "[Memdev]"},
    {NULL, "info numa", NULL, cmd_info_numa, NULL, "NUMA nodes", CMD_IO},
    {"query-pci", "info pci", NULL, cmd_query_pci, print_pci, "PCI devices", 0, "[PciInfo]"},
    {NULL},
};

const QmpType qmp_types_machine[] = {
    {"TargetInfo", QMP_OBJECT, "arch:SysEmuTarget"},
    {"MachineInfo", QMP_OBJECT, "name:str alias?:str is-default?:bool cpu-max:int hotpluggable-cpus:bool numa-mem-supported:bool"
        " deprecated:bool default-cpu-type?:str default-ram-id?:str"},
    {"CurrentMachineParams", QMP_OBJECT, "wakeup-suspend-support:bool"},
    {"CpuDefinitionInfo", QMP_OBJECT, "name:str migration-safe?:bool static:bool unavailable-features?:[str] typename:str alias-of?:str deprecated:bool"},
    {"CpuModelExpansionType", QMP_ENUM, "static full"},
    {"CpuModelInfo", QMP_OBJECT, "name:str props?:any"},
    {"CpuModelExpansionInfo", QMP_OBJECT, "model:CpuModelInfo"},
    {"HotpluggableCPU", QMP_OBJECT, "type:str vcpus-count:int props:CpuInstanceProperties qom-path?:str"},
    {"HostMemPolicy", QMP_ENUM, "default preferred bind interleave"},
    {"Memdev", QMP_OBJECT, "id?:str size:int merge:bool dump:bool prealloc:bool share:bool reserve?:bool host-nodes:[int] policy:HostMemPolicy"},
    {"PciMemoryRegion", QMP_OBJECT, "bar:int type:str address:int size:int prefetch?:bool mem_type_64?:bool"},
    {"PciDeviceClass", QMP_OBJECT, "desc?:str class:int"},
    {"PciDeviceId", QMP_OBJECT, "device:int vendor:int subsystem?:int subsystem-vendor?:int"},
    {"PciDeviceInfo", QMP_OBJECT, "bus:int slot:int function:int class_info:PciDeviceClass id:PciDeviceId irq?:int irq_pin:int qdev_id:str regions:[PciMemoryRegion]"},
    {"PciInfo", QMP_OBJECT, "bus:int devices:[PciDeviceInfo]"},
    {NULL},
};
/* clang-format on */
